import { readStandings, type Standing, showing } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import type { Policy } from "#domain";

export type RulesPreview = {
	/** Listings whose figure would change, of how many. */
	changes: number;
	listings: number;
	toZero: number;
	raised: number;
	lowered: number;
	heldBack: number;
	/** The largest changes. */
	sample: { listingId: number; sku: string; title: string; from: number; to: number }[];
};

const SAMPLE_MAX = 10;

/** What another rule or other locations would make of a connection's figures, before anything is saved. */
export async function previewRules(
	db: Queryable,
	{ shopId, connectionId }: { shopId: number; connectionId: number },
	{ policy, locationIds }: { policy: Policy; locationIds: readonly number[] },
): Promise<RulesPreview> {
	const standings = await readStandings(db, shopId, connectionId, { locationIds });
	const changed = standings.flatMap((standing) => changeOf(standing, policy));
	return {
		changes: changed.length,
		listings: standings.length,
		toZero: changed.filter(({ to }) => to === 0).length,
		raised: changed.filter(({ from, to }) => to > from).length,
		lowered: changed.filter(({ from, to }) => to < from).length,
		heldBack: standings.reduce((sum, standing) => sum + (showing(standing, policy)?.heldBack ?? 0), 0),
		sample: changed.sort((a, b) => Math.abs(b.to - b.from) - Math.abs(a.to - a.from)).slice(0, SAMPLE_MAX),
	};
}

function changeOf(standing: Standing, policy: Policy): RulesPreview["sample"] {
	const to = showing(standing, policy)?.quantity;
	const { desired: from, listingId, sku, title } = standing;
	return to === undefined || from === null || to === from ? [] : [{ listingId, sku: sku ?? "", title, from, to }];
}
