import { z } from "zod";
import type { DeltaRequest, DeltaResult } from "../channel.ts";
import { UnexpectedShapeError } from "../errors.ts";
import type { GraphqlClient } from "./client.ts";
import { errorOfAdjust, type UserError } from "./errors.ts";
import { moment, toGid } from "./ids.ts";
import { ADJUST_INVENTORY } from "./operations/adjust-inventory.ts";

/** Entries per call: Shopify's general limit for input arrays (shopify.dev/docs/api/usage/limits). */
export const CHANGES_PER_CALL = 250;
/** Recorded: 10 for the mutation, a few more for what is selected, however many changes it carries. */
const COST = 13;

/**
 * Differences to `available`, never compared with what is there (`changeFromQuantity: null`): a sale on another channel must
 * lower home whatever home sold meanwhile. All or nothing; the same key with the same changes is carried out once in 24 h.
 */
export async function adjust(client: GraphqlClient, { idempotencyKey, reason, reference, changes }: DeltaRequest): Promise<DeltaResult> {
	const { data } = await client.run({
		operation: "inventory.adjust",
		document: ADJUST_INVENTORY,
		variables: {
			key: idempotencyKey,
			input: {
				name: "available",
				reason: REASONS.has(reason) ? reason : "other",
				referenceDocumentUri: toReference(reference),
				changes: changes.map((change) => ({
					inventoryItemId: toGid("InventoryItem", change.itemExternalId),
					locationId: toGid("Location", change.locationExternalId),
					delta: change.delta,
					changeFromQuantity: null,
				})),
			},
		},
		schema: answerSchema,
		cost: COST,
		changesThings: true,
	});
	const { inventoryAdjustmentGroup: group, userErrors } = data.inventoryAdjustQuantities;
	if (userErrors.length > 0) return refusal(userErrors);
	if (group === null) throw new UnexpectedShapeError("inventory.adjust: neither a change nor an error came back");
	return { outcome: "landed", landedAt: group.createdAt };
}

/** A single refusal decides: the batch did not happen. Only if all of them pass by themselves is it tried again as it is. */
function refusal(userErrors: UserError[]): DeltaResult {
	const sorted = userErrors.map((userError) => ({ index: indexOf(userError.field), ...errorOfAdjust(userError) }));
	const refused = sorted.filter(({ verdict }) => verdict === "refused");
	const [passing] = sorted;
	if (refused.length === 0 && passing) throw passing.error;
	return { outcome: "refused", refused: refused.map(({ index, error }) => ({ index, error })) };
}

/** ["input","changes","0","inventoryItemId"] -> 0; null where the error speaks of the whole. */
function indexOf(field: string[] | null): number | null {
	const position = field?.indexOf("changes") ?? -1;
	const index = position < 0 ? Number.NaN : Number(field?.[position + 1]);
	return Number.isInteger(index) ? index : null;
}

/** Shopify shows it in the item's history and wants a URI; one that has a scheme is left as it is. */
const toReference = (reference: string): string =>
	/^[a-z][a-z0-9+.-]*:\/\//i.test(reference) ? reference : `gid://lockstep/StockChange/${encodeURIComponent(reference)}`;

/** Recorded in 2026-04 as the message to an unknown reason; the schema has a plain String. */
const REASONS: ReadonlySet<string> = new Set([
	"correction",
	"cycle_count_available",
	"damaged",
	"movement_canceled",
	"movement_created",
	"movement_received",
	"movement_updated",
	"other",
	"promotion",
	"quality_control",
	"received",
	"reservation_created",
	"reservation_deleted",
	"reservation_updated",
	"restock",
	"safety_stock",
	"shrinkage",
]);

const answerSchema = z.object({
	inventoryAdjustQuantities: z.object({
		inventoryAdjustmentGroup: z.object({ id: z.string(), createdAt: moment }).nullable(),
		userErrors: z.array(z.object({ field: z.array(z.string()).nullable(), message: z.string(), code: z.string().nullable() })),
	}),
});
