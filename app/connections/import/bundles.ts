import { transaction } from "#app/db.server.ts";
import { recordDeadLetters } from "#dead-letters";
import type { Import } from "./run-import.ts";

/** Bundles per transaction; each has at most 30 parts (Shopify's limit for fixed bundles). */
const BATCH_BUNDLES = 200;

/**
 * What home's own bundles are made of. There is no event for it: it names two items, so both must exist first, and it moves no
 * stock by itself. So it is written here, after the items are applied and before anything of the shop goes live, from a second
 * reading of the same file. Running it again writes the same.
 *
 * Bundles that a merchant made in Lockstep are not home's (`is_home_bundle`) and stay as they are.
 */
export async function importBundles({ deps, shopId, connectionId, home, lease }: Import): Promise<void> {
	const { exportId, askedAt, components } = lease.progress;
	if (exportId === null || askedAt === null) throw new Error("Bundles are read of an export that was not started");
	const parts = new Map<string, Part[]>();
	if (components > 0) {
		const now = await home.catalogue.state(exportId);
		if (now.state !== "ready" || now.url === null)
			throw new Error(`The export ${exportId} had ${components} bundle parts and has no file any more`);
		for await (const row of home.catalogue.rows(now.url, { askedAt, skip: 0 })) {
			if (row.kind !== "component") continue;
			const { bundleVariantExternalId: variant, itemExternalId, quantity } = row;
			parts.set(variant, [...(parts.get(variant) ?? []), { variant, itemExternalId, quantity }]);
		}
	}
	await deps.pool.query(
		`DELETE FROM bundle_component b USING item i
		 WHERE b.shop_id = $1 AND i.shop_id = $1 AND i.id = b.bundle_item_id AND i.is_home_bundle AND i.variant_id <> ALL($2::text[])`,
		[shopId, [...parts.keys()]],
	);
	const bundles = [...parts.keys()];
	for (let start = 0; start < bundles.length; start += BATCH_BUNDLES) {
		const variants = bundles.slice(start, start + BATCH_BUNDLES);
		await writeParts(
			variants,
			variants.flatMap((variant) => parts.get(variant) ?? []),
		);
	}

	async function writeParts(variants: string[], batch: Part[]): Promise<void> {
		const lost = await transaction(deps.pool, async (tx) => {
			await tx.query(
				`DELETE FROM bundle_component b USING item i
				 WHERE b.shop_id = $1 AND i.shop_id = $1 AND i.id = b.bundle_item_id AND i.is_home_bundle AND i.variant_id = ANY($2::text[])`,
				[shopId, variants],
			);
			const { rows } = await tx.query<Part>(writeStatement, [
				shopId,
				batch.map((p) => p.variant),
				batch.map((p) => p.itemExternalId),
				batch.map((p) => p.quantity),
			]);
			return rows;
		});
		// A bundle without one of its parts would be sold when that part is out.
		await recordDeadLetters(
			deps.pool,
			lost.map((part) => ({
				shopId,
				direction: "in" as const,
				connectionId,
				operation: "import.bundle",
				errorClass: "unknown-item",
				error: `The bundle of variant ${part.variant} contains the item ${part.itemExternalId}, which the import did not bring.`,
				payload: part,
				sourceKey: `bundle:${part.variant}:${part.itemExternalId}`,
				correlationId: `import:${shopId}:${lease.installation}`,
			})),
		);
	}
}

type Part = { variant: string; itemExternalId: string; quantity: number };

/**
 * Returns the parts whose bundle or item is not known; the same part listed twice counts together. Two processes may import at
 * once, and what the other has written between our deleting and this is the same.
 */
const writeStatement = `
WITH part AS (
  SELECT variant, external_id, sum(quantity)::int AS quantity
  FROM unnest($2::text[], $3::text[], $4::int[]) AS t (variant, external_id, quantity) GROUP BY variant, external_id
), found AS (
  SELECT part.*, bundle.id AS bundle_id, item.id AS item_id FROM part
  LEFT JOIN item bundle ON bundle.shop_id = $1 AND bundle.variant_id = part.variant AND bundle.is_home_bundle AND bundle.deleted_at IS NULL
  LEFT JOIN item ON item.shop_id = $1 AND item.external_id = part.external_id AND item.deleted_at IS NULL
), written AS (
  INSERT INTO bundle_component (shop_id, bundle_item_id, component_item_id, quantity)
  SELECT $1, bundle_id, item_id, quantity FROM found WHERE bundle_id IS NOT NULL AND item_id IS NOT NULL
  ON CONFLICT (shop_id, bundle_item_id, component_item_id) DO UPDATE SET quantity = excluded.quantity, made_here = false
)
SELECT variant, external_id AS "itemExternalId", quantity FROM found WHERE bundle_id IS NULL OR item_id IS NULL`;
