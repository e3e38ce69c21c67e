import type { Queryable } from "#app/db.server.ts";
import { TRIGGERS, type TriggerHandle } from "./vocabulary.ts";

/** Flow takes 50,000 bytes of a payload ("Properties size exceeds the limit of 50000 bytes", recorded); these stay far below. */
const TITLE_CHARS_MAX = 500;
const REASON_CHARS_MAX = 2_000;

export type FlowEvent = { shopId: number; id: number; handle: TriggerHandle; subjectId: number; sourceKey: string; detail: unknown };

/** What Flow is told of one event, or null if what it is about is gone. Read when it is sent: names may have changed. */
export async function readEvent(db: Queryable, event: FlowEvent): Promise<Record<string, string | number> | null> {
	const { rows } = await db.query<{ fields: Record<string, string | number> }>(statements[event.handle], [event.shopId, event.subjectId]);
	const found = rows[0]?.fields;
	if (!found) return null;
	const detail = (event.detail ?? {}) as { reason?: string; behind?: number };
	const said = event.handle === "channel-out-of-step" ? { Reason: detail.reason ?? "", "Listings behind": detail.behind ?? 0 } : {};
	const payload: Record<string, string | number> = { ...found, ...said, "Event ID": event.sourceKey };
	// Half a character pair at the end of a cut text is no JSON text that everybody reads.
	for (const [key, value] of Object.entries(payload)) {
		if (typeof value === "string") payload[key] = value.slice(0, key === "Reason" ? REASON_CHARS_MAX : TITLE_CHARS_MAX).toWellFormed();
	}
	return TRIGGERS[event.handle].fields.parse(payload);
}

const statements: Record<TriggerHandle, string> = {
	"oversell-detected": `
SELECT jsonb_build_object('SKU', coalesce(i.sku, ''), 'Product title', i.title, 'Units short', o.units,
  'Channel', c.name, 'Order', coalesce(nullif(s.name, ''), o.order_id)) AS fields
FROM oversell o
JOIN item i ON i.shop_id = o.shop_id AND i.id = o.item_id
JOIN connection c ON c.shop_id = o.shop_id AND c.id = o.connection_id
LEFT JOIN sales_order s ON s.shop_id = o.shop_id AND s.connection_id = o.connection_id AND s.order_id = o.order_id
WHERE o.shop_id = $1 AND o.id = $2`,
	"update-failed": `
SELECT jsonb_build_object('SKU', coalesce(i.sku, l.sku, ''), 'Product title', coalesce(nullif(l.title, ''), i.title, ''),
  'Channel', c.name, 'Reason', d.error) AS fields
FROM dead_letter d
JOIN connection c ON c.shop_id = d.shop_id AND c.id = d.connection_id
LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
LEFT JOIN item i ON i.shop_id = l.shop_id AND i.id = l.item_id
WHERE d.shop_id = $1 AND d.id = $2`,
	"channel-out-of-step": `
SELECT jsonb_build_object('Channel', c.name) AS fields FROM connection c WHERE c.shop_id = $1 AND c.id = $2`,
};
