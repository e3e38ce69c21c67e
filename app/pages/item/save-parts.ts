import { recordAudit } from "#app/connections/audit.ts";
import type { Queryable } from "#app/db.server.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { changeWithListings } from "#apply";
import type { Deps } from "#connections";
import { PARTS_MAX, type Part, readPartFacts, UNITS_MAX, whyNoBundle, whyNoPart } from "./parts.ts";

export type PartsSaved =
	| { outcome: "saved" }
	/** It was made of this already. */
	| { outcome: "unchanged" }
	/** Somebody changed it since the person looked. Nothing was changed. */
	| { outcome: "overtaken" }
	| { outcome: "refused"; reason: string }
	/** The shop has no such product. */
	| { outcome: "unknown" };

/**
 * Says what a product is made of; no parts: it is counted by itself again. `was`: what the person saw. No stock moves: orders keep
 * what they took. Parts, audit entry and the figures that its listings must show commit together, and the same door with `parts`
 * and `was` exchanged undoes it (R45).
 */
export async function saveParts(
	deps: Deps,
	shopId: number,
	change: { itemId: number; parts: readonly Part[]; was: readonly Part[]; actor: string },
): Promise<PartsSaved> {
	const { itemId, parts, was, actor } = change;
	return changeWithListings(applyDepsOf(deps), shopId, async (tx) => {
		const nothing = (outcome: PartsSaved) => ({ itemIds: [], outcome });
		const facts = await readPartFacts(tx, shopId, [itemId, ...parts.map((part) => part.itemId)]);
		const item = facts.find((one) => one.itemId === itemId);
		if (!item) return nothing({ outcome: "unknown" });
		const stands = await readParts(tx, shopId, itemId);
		if (isSame(stands, parts)) return nothing({ outcome: "unchanged" });
		if (!isSame(stands, was)) return nothing({ outcome: "overtaken" });
		const reason = whyNoBundle(item) ?? whyNot(parts) ?? whyNoneOf(itemId, parts, facts);
		if (reason !== null) return nothing({ outcome: "refused", reason });
		await tx.query("DELETE FROM bundle_component WHERE shop_id = $1 AND bundle_item_id = $2", [shopId, itemId]);
		await tx.query(
			`INSERT INTO bundle_component (shop_id, bundle_item_id, component_item_id, quantity, made_here)
			 SELECT $1, $2, r.item, r.quantity, true FROM unnest($3::bigint[], $4::int[]) AS r(item, quantity)`,
			[shopId, itemId, parts.map((part) => part.itemId), parts.map((part) => part.quantity)],
		);
		const entry = { actor, action: "bundle.changed", subject: String(itemId) };
		await recordAudit(tx, shopId, { ...entry, before: { parts: stands }, after: { parts: sorted(parts) } });
		return { itemIds: [itemId], outcome: { outcome: "saved" } };
	});
}

async function readParts(db: Queryable, shopId: number, itemId: number): Promise<Part[]> {
	const { rows } = await db.query<Part>(
		`SELECT component_item_id AS "itemId", quantity FROM bundle_component WHERE shop_id = $1 AND bundle_item_id = $2 ORDER BY component_item_id`,
		[shopId, itemId],
	);
	return rows;
}

function whyNot(parts: readonly Part[]): string | null {
	if (parts.length > PARTS_MAX) return `A bundle has at most ${PARTS_MAX} different parts, as in Shopify.`;
	if (new Set(parts.map((part) => part.itemId)).size < parts.length) return "A part stands in it twice.";
	const isUnits = (n: number) => Number.isInteger(n) && n >= 1 && n <= UNITS_MAX;
	return parts.every((part) => isUnits(part.quantity)) ? null : `Each part is in it 1 to ${UNITS_MAX} times.`;
}

function whyNoneOf(itemId: number, parts: readonly Part[], facts: Awaited<ReturnType<typeof readPartFacts>>): string | null {
	for (const part of parts) {
		const found = facts.find((one) => one.itemId === part.itemId);
		const reason = found ? whyNoPart(itemId, found) : "It is gone from Shopify.";
		if (reason !== null) return `${found?.sku || found?.title || "A part"}: ${reason}`;
	}
	return null;
}

const sorted = (parts: readonly Part[]) => parts.map(({ itemId, quantity }) => ({ itemId, quantity })).sort((a, b) => a.itemId - b.itemId);
const isSame = (one: readonly Part[], other: readonly Part[]) => JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
