import { z } from "zod";
import type { Queryable } from "#app/db.server.ts";
import { triggerOf } from "./vocabulary.ts";

/** shopify.dev, apps/build/flow/track-lifecycle-events: Properties. */
export const usageSchema = z.object({
	flow_trigger_definition_id: z.string().trim().min(1).max(200),
	has_enabled_flow: z.boolean(),
	shopify_domain: z.string().min(1).max(255),
	timestamp: z.iso.datetime({ offset: true }),
});
export type Usage = z.infer<typeof usageSchema>;

export type UseNoted =
	| { outcome: "noted" }
	/** Something newer is known already, or just this: messages come in any order, and more than once. */
	| { outcome: "older" }
	/** No shop of this name has the app. */
	| { outcome: "unknown-shop" };

/** Keeps whether a shop has a workflow that waits for a trigger. The newest statement by its own time stamp counts. */
export async function noteUse(db: Queryable, usage: Usage): Promise<UseNoted> {
	const { rows } = await db.query<{ shop_id: number | null; noted: boolean }>(noteStatement, [
		usage.shopify_domain.toLowerCase(),
		usage.flow_trigger_definition_id,
		triggerOf(usage.flow_trigger_definition_id),
		usage.has_enabled_flow,
		usage.timestamp,
	]);
	if (!rows[0]) return { outcome: "unknown-shop" };
	return { outcome: rows[0].noted ? "noted" : "older" };
}

const noteStatement = `
WITH here AS (SELECT id FROM shop WHERE domain = $1 AND state = 'installed'),
noted AS (
  INSERT INTO flow_use AS u (shop_id, definition, handle, in_use, stamp) SELECT id, $2, $3, $4, $5 FROM here
  ON CONFLICT (shop_id, definition) DO UPDATE SET in_use = excluded.in_use, stamp = excluded.stamp, handle = excluded.handle
  WHERE u.stamp < excluded.stamp RETURNING shop_id
)
SELECT here.id AS shop_id, EXISTS (SELECT FROM noted) AS noted FROM here`;
