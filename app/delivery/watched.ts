import type { Client } from "#app/db.server.ts";
import type { Attempt } from "./attempts.ts";
import { type ListingState, owesWrite } from "./listing-state.ts";

/** A listing that was read and judged while its channel is only watched. */
export type Watched = { before: ListingState; after: ListingState; wouldSend: number | null; correlationId: string };

/**
 * The updates that being live would have sent (R42). The channel goes on showing its old figure, so one listing is found to differ
 * again and again: at every regular look, and a bundle at every sale of any of its parts. Live, only the first of these would have
 * been an update. Each listing keeps by how much the figure that would have been sent lies above (or below) what the channel shows.
 */
export async function watchedUpdates(tx: Client, shopId: number, watched: readonly Watched[]): Promise<Attempt[]> {
	if (watched.length === 0) return [];
	const { rows } = await tx.query<{ id: number; ahead: number }>(
		"SELECT id, watched_ahead AS ahead FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, watched.map(({ before }) => before.id)],
	);
	const known = new Map(rows.map(({ id, ahead }) => [id, ahead]));
	const updates: Attempt[] = [];
	const moved: { id: number; ahead: number }[] = [];
	for (const { before, after, wouldSend, correlationId } of watched) {
		// Paused, or not counted: it was not judged by its reading.
		if (before.desired === null || !before.deliverable || after.shown === null) continue;
		const ahead = known.get(before.id) ?? 0;
		const next = nextWatched({ ahead, shown: before.shown }, { reading: after.shown, wouldSend, isRight: !owesWrite(after) });
		if (next.ahead !== ahead) moved.push({ id: before.id, ahead: next.ahead });
		if (!next.isUpdate) continue;
		const operation = "listing.write";
		updates.push({ listingId: before.id, operation, quantity: wouldSend, outcome: "watched", tookMs: null, correlationId });
	}
	if (moved.length > 0) {
		await tx.query(
			`UPDATE listing l SET watched_ahead = r.ahead FROM jsonb_to_recordset($2::jsonb) AS r(id bigint, ahead int)
			 WHERE l.shop_id = $1 AND l.id = r.id`,
			[shopId, JSON.stringify(moved)],
		);
	}
	return updates;
}

/** The channel's own sales lower its figure and ours alike. Whoever raises its figure there would have written over ours as well. */
function nextWatched(
	{ ahead, shown }: { ahead: number; shown: number | null },
	{ reading, wouldSend, isRight }: { reading: number; wouldSend: number | null; isRight: boolean },
): { ahead: number; isUpdate: boolean } {
	const stands = shown !== null && reading <= shown ? ahead : 0;
	if (wouldSend === null) return { ahead: isRight ? 0 : stands, isUpdate: false };
	return { ahead: wouldSend - reading, isUpdate: wouldSend !== Math.max(0, reading + stands) };
}
