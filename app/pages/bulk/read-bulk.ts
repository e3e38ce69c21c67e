import {
	approvalOf,
	type BulkSet,
	bringsAnything,
	isWorthIt,
	listBulks,
	readBulk,
	readListedOrders,
	readListingLines,
	readProblems,
	readQuantities,
} from "#app/backfill/index.ts";
import type { Pool, Queryable } from "#app/db.server.ts";
import { refuseRules } from "#app/guards/index.ts";
import { readNames } from "#app/overview/sql/read-names.ts";
import type { Right } from "#app/rights/index.ts";
import type { BulkPage, BulkView } from "./bulk.ts";
import { sayListing, sayQuantity } from "./say-line.ts";

const SAMPLE_MAX = 10;
const PROBLEMS_SHOWN_MAX = 50;

/** The newest sets of the shop, `before` one of them. */
export async function readBulks(db: Queryable, shopId: number, { before }: { before: number | null }): Promise<BulkView[]> {
	const sets = await listBulks(db, shopId, { before });
	return toViews(db, shopId, sets);
}

/** One set with what a person looks at before and after it; null: there is none of that number in this shop. */
export async function readBulkPage(
	pool: Pool,
	shopId: number,
	{ changeId, right }: { changeId: number; right: Right },
): Promise<BulkPage | null> {
	const set = await readBulk(pool, shopId, changeId);
	if (!set) return null;
	const [view] = await toViews(pool, shopId, [set]);
	if (!view) return null;
	const names = await readNames(pool, shopId);
	const few = { changeId, limit: SAMPLE_MAX, open: true };
	const quantities = await readQuantities(pool, shopId, { ...few, after: [0, 0] });
	const listings = await readListingLines(pool, shopId, { ...few, after: 0 });
	const refused = set.state === "ready" ? await refuseRules(pool, shopId, { right, ...approvalOf(set.summary) }) : null;
	return {
		...view,
		asOf: new Date().toISOString(),
		problemsShown: await readProblems(pool, shopId, { changeId, after: 0, limit: PROBLEMS_SHOWN_MAX }),
		sample: [...quantities.map(sayQuantity), ...listings.flatMap((line) => sayListing(line, names.get(line.connectionId) ?? ""))],
		ordersShown: set.source === "orders" ? await readListedOrders(pool, shopId, { changeId, limit: SAMPLE_MAX }) : [],
		offer: offerOf(set),
		refused,
	};
}

/** Where nothing is missing, reading the orders once more is not what one came for. */
function offerOf({ source, total, summary }: BulkSet): BulkPage["offer"] {
	if (source !== "orders") return total > 0 ? "first" : "none";
	if (summary?.kind !== "orders" || isWorthIt(summary)) return "first";
	return bringsAnything(summary) ? "second" : "none";
}

async function toViews(db: Queryable, shopId: number, sets: readonly BulkSet[]): Promise<BulkView[]> {
	const { rows } = await db.query<{ user_id: string; name: string }>(
		"SELECT user_id, name FROM member WHERE shop_id = $1 AND user_id = ANY($2)",
		[shopId, sets.map(({ actor }) => actor)],
	);
	const people = new Map(rows.map(({ user_id, name }) => [user_id, name]));
	const names = await readNames(db, shopId);
	return sets.map(({ actor, askedAt, readAt, confirmedAt, doneAt, undoneAt, since, ...set }) => ({
		...set,
		who: people.get(actor) || "Somebody of your staff",
		channel: set.connectionId === null ? null : (names.get(set.connectionId) ?? "a former channel"),
		askedAt: askedAt.toISOString(),
		readAt: readAt?.toISOString() ?? null,
		confirmedAt: confirmedAt?.toISOString() ?? null,
		doneAt: doneAt?.toISOString() ?? null,
		undoneAt: undoneAt?.toISOString() ?? null,
		since: since?.toISOString() ?? null,
	}));
}
