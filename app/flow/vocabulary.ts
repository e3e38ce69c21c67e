import { z } from "zod";

/**
 * What we say to Shopify Flow and what it says to us, word for word as in extensions/*.toml; a test compares the two. Field keys
 * of triggers may hold letters and spaces only (Shopify CLI, specifications/flow_trigger.ts).
 */
export const TRIGGERS = {
	"oversell-detected": {
		name: "Oversell detected",
		fields: z.strictObject({
			SKU: z.string(),
			"Product title": z.string(),
			"Units short": z.number(),
			Channel: z.string(),
			Order: z.string(),
			"Event ID": z.string(),
		}),
	},
	"update-failed": {
		name: "Update failed",
		fields: z.strictObject({
			SKU: z.string(),
			"Product title": z.string(),
			Channel: z.string(),
			Reason: z.string(),
			"Event ID": z.string(),
		}),
	},
	"channel-out-of-step": {
		name: "Channel out of step",
		fields: z.strictObject({ Channel: z.string(), Reason: z.string(), "Listings behind": z.number(), "Event ID": z.string() }),
	},
} as const;
export type TriggerHandle = keyof typeof TRIGGERS;

/** Longer than any SKU (Shopify: 255) and any name that a merchant gives a channel. */
const TEXT_CHARS_MAX = 500;
const text = z.string().max(TEXT_CHARS_MAX);
/** Flow leaves out what the merchant left empty, or sends null or "". */
const optional = text
	.nullish()
	.transform((value) => value?.trim() || null)
	.optional();

export const ACTIONS = {
	"pause-sku-everywhere": {
		name: "Pause SKU everywhere",
		path: "/flow/actions/pause-sku-everywhere",
		properties: z.object({ sku: text.trim().min(1) }),
	},
	"replay-failed-updates": {
		name: "Replay failed updates",
		path: "/flow/actions/replay-failed-updates",
		properties: z.object({ sku: optional, channel: optional }),
	},
} as const;
export type ActionHandle = keyof typeof ACTIONS;

export const USAGE_PATH = "/flow/usage";

/**
 * Which of our triggers Flow means. Its documentation calls `flow_trigger_definition_id` a unique identifier and shows a name as
 * its example ("Add row to spreadsheet"), so the handle and the name are both taken. null: neither.
 */
export function triggerOf(definition: string): TriggerHandle | null {
	const said = definition.trim().toLowerCase();
	for (const [handle, { name }] of Object.entries(TRIGGERS))
		if (said === handle || said === name.toLowerCase()) return handle as TriggerHandle;
	return null;
}
