import type { Client } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { changeWithListings } from "#apply";
import { recordAudit } from "../audit.ts";
import type { Deps } from "../deps.ts";
import { auditUnlinked, link, unlink } from "./links.ts";

/** One listing's product: as the person saw it, and as it shall be; null: none. */
export type LinkChange = { listingId: number; was: number | null; to: number | null };

export type LinksChanged =
	| { outcome: "saved"; listings: number }
	/** All of them were so already. */
	| { outcome: "unchanged" }
	/** Somebody changed one of them since the person looked. Nothing was changed. */
	| { outcome: "overtaken" }
	| { outcome: "refused"; reason: string }
	/** The shop has no such listing, or its channel is disconnected. Nothing was changed. */
	| { outcome: "unknown" };

type Standing = { id: number; connection_id: number; item_id: number | null; sold_from: string | null };

/**
 * Links, unlinks and moves listings as a person saw it foretold: all of it or nothing. Links, audit entries and the figures that the
 * listings must show commit together, so a listing that moves from one product to another is never without either. Sent twice, the
 * second finds nothing left to do. At most a page's worth: sales wait for it.
 */
export async function changeLinks(
	deps: Deps,
	shopId: number,
	{ changes, actor }: { changes: readonly LinkChange[]; actor: string },
): Promise<LinksChanged> {
	const done = await changeWithListings(applyDepsOf(deps), shopId, async (tx) => {
		const nothing = (outcome: LinksChanged) => ({ itemIds: [], outcome: { changed: outcome, linkedOn: [] as number[] } });
		const standing = await lockStanding(
			tx,
			shopId,
			changes.map(({ listingId }) => listingId),
		);
		const known = new Map(standing.map((row) => [row.id, row]));
		const due = changes.flatMap((change) => {
			const row = known.get(change.listingId);
			return row && row.item_id !== change.to ? [{ ...change, row }] : [];
		});
		if (changes.some(({ listingId }) => !known.has(listingId))) return nothing({ outcome: "unknown" });
		if (due.length === 0) return nothing({ outcome: "unchanged" });
		if (due.some(({ was, row }) => row.item_id !== was)) return nothing({ outcome: "overtaken" });
		const reason = await whyNot(tx, shopId, due);
		if (reason !== null) return nothing({ outcome: "refused", reason });
		for (const connectionId of connectionsOf(due)) {
			const own = due.filter(({ row }) => row.connection_id === connectionId);
			await changeOnConnection(tx, { shopId, connectionId, changes: own, actor });
		}
		return {
			itemIds: [...new Set(due.flatMap(({ to }) => to ?? []))],
			outcome: {
				changed: { outcome: "saved", listings: due.length } as LinksChanged,
				linkedOn: connectionsOf(due.filter(({ to }) => to !== null)),
			},
		};
	});
	for (const connectionId of done.linkedOn) await deps.wake("ingest.fetch", { shopId, connectionId });
	return done.changed;
}

const connectionsOf = (due: readonly { row: Standing }[]) => [...new Set(due.map(({ row }) => row.connection_id))].sort((a, b) => a - b);

/** Connections before listings, each by id: as rules and going live lock them. A listing never changes its connection. */
async function lockStanding(tx: Client, shopId: number, listingIds: readonly number[]): Promise<Standing[]> {
	const open = await tx.query<{ id: number }>(
		`SELECT c.id FROM connection c WHERE c.shop_id = $1 AND NOT c.is_home AND c.state <> 'disconnected'
		   AND c.id IN (SELECT connection_id FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[])) ORDER BY c.id FOR SHARE`,
		[shopId, listingIds],
	);
	const { rows } = await tx.query<Standing>(
		`SELECT id, connection_id, item_id, sold_from FROM listing
		  WHERE shop_id = $1 AND id = ANY($2::bigint[]) AND connection_id = ANY($3::bigint[]) ORDER BY id FOR UPDATE`,
		[shopId, listingIds, open.rows.map(({ id }) => id)],
	);
	return rows;
}

type Due = LinkChange & { row: Standing };

async function whyNot(tx: Client, shopId: number, due: readonly Due[]): Promise<string | null> {
	const linked = due.filter(({ to }) => to !== null);
	if (linked.some(({ row }) => row.sold_from !== null)) return "It sells another listing's stock on its channel: link that one.";
	const itemIds = [...new Set(linked.flatMap(({ to }) => to ?? []))];
	const { rowCount } = await tx.query("SELECT FROM item WHERE shop_id = $1 AND id = ANY($2::bigint[]) AND deleted_at IS NULL", [
		shopId,
		itemIds,
	]);
	return rowCount === itemIds.length ? null : "The product is gone from Shopify.";
}

type OnConnection = { shopId: number; connectionId: number; changes: readonly Due[]; actor: string };

async function changeOnConnection(tx: Client, { shopId, connectionId, changes, actor }: OnConnection): Promise<void> {
	const sides = { was: linksOf(changes, "was"), to: linksOf(changes, "to") };
	const unlinked = await unlink(tx, { shopId, connectionId, links: sides.was });
	const { fresh } = await link(tx, { shopId, connectionId, links: sides.to });
	if (unlinked.length !== sides.was.length || fresh.length !== sides.to.length)
		throw new Error(`Links of connection ${connectionId} changed under their locks`);
	const moved = changes.filter(({ was, to }) => was !== null && to !== null);
	const only = <Side extends { listingId: number }>(side: readonly Side[]) =>
		side.filter(({ listingId }) => moved.every((one) => one.listingId !== listingId));
	const entry = { actor, subject: String(connectionId) };
	if (only(unlinked).length > 0) await auditUnlinked(tx, { shopId, connectionId, unlinked: only(unlinked), actor });
	if (only(fresh).length > 0) await recordAudit(tx, shopId, { ...entry, action: "listings.linked", after: { links: only(fresh) } });
	if (moved.length > 0) {
		const [before, after] = [{ links: linksOf(moved, "was") }, { links: linksOf(moved, "to") }];
		await recordAudit(tx, shopId, { ...entry, action: "listings.moved", before, after });
	}
}

const linksOf = (changes: readonly LinkChange[], side: "was" | "to") =>
	changes.flatMap(({ listingId, [side]: itemId }) => (itemId === null ? [] : [{ listingId, itemId }]));
