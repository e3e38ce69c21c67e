import type { Client } from "#app/db.server.ts";
import type { SettledPage } from "./read-file.ts";
import type { ListingEffect, QuantityEffect } from "./settle-line.ts";

type Place = { shopId: number; changeId: number };
/** `wrong`: its line was set aside already. */
type Known = { line: number; key: string; says: string; wrong: boolean };

/**
 * Keeps a page of lines. Where two lines of the file say different things of the same product at the same place, or of the same listing,
 * both are wrong: nobody can tell which one is meant. Said twice alike it is said once.
 */
export async function saveLines(tx: Client, { shopId, changeId }: Place, page: SettledPage): Promise<void> {
	const place = { shopId, changeId };
	const known = await readKnown(tx, place, page);
	const wrong = new Map<number, string>();
	const contradict = (line: number, other: number) => {
		const reason = (one: number) => `Line ${one} says something else of the same product.`;
		if (!wrong.has(line)) wrong.set(line, reason(other));
		if (!wrong.has(other)) wrong.set(other, reason(line));
	};
	const fresh = <T extends { line: number }>(all: readonly T[], keyOf: (one: T) => string, saysOf: (one: T) => string): T[] =>
		all.filter((one) => {
			const key = keyOf(one);
			const before = known.get(key);
			if (!before) {
				known.set(key, { line: one.line, key, says: saysOf(one), wrong: false });
				return true;
			}
			const differs = before.says !== saysOf(one) || before.wrong || wrong.has(before.line);
			if (before.line !== one.line && differs) contradict(one.line, before.line);
			return false;
		});
	const quantities = fresh(page.quantities, quantityKey, saysQuantity);
	const listings = fresh(page.listings, listingKey, saysListing);
	await insertQuantities(tx, place, quantities);
	await insertListings(tx, place, listings);
	await setAside(tx, place, { wrong, skus: page.skus });
	await insertProblems(tx, place, page.problems);
}

const quantityKey = ({ itemId, locationId }: Pick<QuantityEffect, "itemId" | "locationId">) => `stock ${itemId} ${locationId}`;
const listingKey = ({ listingId }: Pick<ListingEffect, "listingId">) => `listing ${listingId}`;
/** A difference that is named twice may be meant twice or once: that is a contradiction as well. */
const saysQuantity = ({ to, units, line }: Pick<QuantityEffect, "to" | "units"> & { line: number }) =>
	to === null ? `by ${units} in ${line}` : `to ${to}`;
const saysListing = ({ policy, paused, link }: Pick<ListingEffect, "policy" | "paused" | "link">) =>
	JSON.stringify([policy && Object.entries(policy.to ?? {}).sort(), policy === null, paused, link]);

/** What earlier pages say of what this one names. */
async function readKnown(tx: Client, { shopId, changeId }: Place, page: SettledPage): Promise<Map<string, Known>> {
	const quantities = await tx.query<{ itemId: number; locationId: number; to: number | null; units: number; line: number; wrong: boolean }>(
		`SELECT q.item_id AS "itemId", q.location_id AS "locationId", q.to_figure AS "to", q.units, q.line, q.state = 'problem' AS wrong
		 FROM unnest($3::bigint[], $4::bigint[]) AS r(item_id, location_id)
		 JOIN bulk_change_quantity q ON q.shop_id = $1 AND q.change_id = $2 AND q.item_id = r.item_id AND q.location_id = r.location_id`,
		[shopId, changeId, page.quantities.map(({ itemId }) => itemId), page.quantities.map(({ locationId }) => locationId)],
	);
	const listings = await tx.query<ListingRow>(
		`SELECT listing_id AS "listingId", line, sets_policy, policy, paused, sets_link, link_item, state = 'problem' AS wrong FROM bulk_change_line
		 WHERE shop_id = $1 AND change_id = $2 AND listing_id = ANY($3::bigint[])`,
		[shopId, changeId, page.listings.map(({ listingId }) => listingId)],
	);
	return new Map(
		[
			...quantities.rows.map((row) => ({ line: row.line, key: quantityKey(row), says: saysQuantity(row), wrong: row.wrong })),
			...listings.rows.map((row) => ({
				line: row.line,
				wrong: row.wrong,
				key: listingKey(row),
				says: saysListing({
					policy: row.sets_policy ? { to: row.policy } : null,
					paused: row.paused,
					link: row.sets_link ? { to: row.link_item } : null,
				}),
			})),
		].map((one) => [one.key, one]),
	);
}

type ListingRow = {
	listingId: number;
	line: number;
	wrong: boolean;
	sets_policy: boolean;
	policy: NonNullable<ListingEffect["policy"]>["to"];
	paused: boolean | null;
	sets_link: boolean;
	link_item: number | null;
};

async function insertQuantities(tx: Client, { shopId, changeId }: Place, all: SettledPage["quantities"]): Promise<void> {
	if (all.length === 0) return;
	await tx.query(
		`INSERT INTO bulk_change_quantity (shop_id, change_id, item_id, location_id, line, seen, to_figure, units, state)
		 SELECT $1, $2, r.*, CASE WHEN r.units = 0 THEN 'same' ELSE 'waiting' END
		 FROM unnest($3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::int[], $8::int[]) AS r(item_id, location_id, line, seen, to_figure, units)`,
		[
			shopId,
			changeId,
			...[all.map((q) => q.itemId), all.map((q) => q.locationId), all.map((q) => q.line)],
			...[all.map((q) => q.seen), all.map((q) => q.to), all.map((q) => q.units)],
		],
	);
}

async function insertListings(tx: Client, { shopId, changeId }: Place, all: SettledPage["listings"]): Promise<void> {
	if (all.length === 0) return;
	await tx.query(
		`INSERT INTO bulk_change_line (shop_id, change_id, listing_id, line, sets_policy, policy, before, paused, sets_link, link_item, before_item, state)
		 SELECT $1, $2, r.id, r.line, r.sets_policy, r.policy, l.policy, r.paused, r.sets_link, r.link_item, l.item_id, CASE WHEN r.changes THEN 'waiting' ELSE 'same' END
		 FROM jsonb_to_recordset($3::jsonb) AS r(id bigint, line int, sets_policy boolean, policy jsonb, paused boolean, sets_link boolean, link_item bigint, changes boolean)
		 JOIN listing l ON l.shop_id = $1 AND l.id = r.id`,
		[
			shopId,
			changeId,
			JSON.stringify(
				all.map(({ listingId, line, policy, paused, link, changes }) => ({
					...{ id: listingId, line, paused, changes, sets_policy: policy !== null, policy: policy?.to ?? null },
					...{ sets_link: link !== null, link_item: link?.to ?? null },
				})),
			),
		],
	);
}

/** All that such a line does is left out, not only where it contradicts. */
async function setAside(
	tx: Client,
	place: Place,
	{ wrong, skus }: { wrong: ReadonlyMap<number, string>; skus: ReadonlyMap<number, string> },
): Promise<void> {
	if (wrong.size === 0) return;
	const { shopId, changeId } = place;
	for (const table of ["bulk_change_line", "bulk_change_quantity"])
		await tx.query(`UPDATE ${table} SET state = 'problem' WHERE shop_id = $1 AND change_id = $2 AND line = ANY($3::int[])`, [
			shopId,
			changeId,
			[...wrong.keys()],
		]);
	const { rows } = await tx.query<{ line: number; sku: string }>(
		`SELECT r.line, coalesce((SELECT i.sku FROM bulk_change_quantity q JOIN item i ON i.shop_id = $1 AND i.id = q.item_id
		     WHERE q.shop_id = $1 AND q.change_id = $2 AND q.line = r.line LIMIT 1),
		   (SELECT l.sku FROM bulk_change_line b JOIN listing l ON l.shop_id = $1 AND l.id = b.listing_id
		     WHERE b.shop_id = $1 AND b.change_id = $2 AND b.line = r.line LIMIT 1), '') AS sku
		 FROM unnest($3::int[]) AS r(line)`,
		[shopId, changeId, [...wrong.keys()]],
	);
	await insertProblems(
		tx,
		place,
		rows.map(({ line, sku }) => ({ line, sku: skus.get(line) ?? sku, reason: wrong.get(line) ?? "" })),
	);
}

async function insertProblems(tx: Client, { shopId, changeId }: Place, all: SettledPage["problems"]): Promise<void> {
	if (all.length === 0) return;
	const { rowCount } = await tx.query(
		`INSERT INTO bulk_change_problem (shop_id, change_id, line, sku, reason)
		 SELECT $1, $2, * FROM unnest($3::int[], $4::text[], $5::text[]) ON CONFLICT DO NOTHING`,
		[shopId, changeId, all.map(({ line }) => line), all.map(({ sku }) => sku), all.map(({ reason }) => reason)],
	);
	await tx.query("UPDATE bulk_change SET problems = problems + $3 WHERE shop_id = $1 AND id = $2", [shopId, changeId, rowCount ?? 0]);
}
