/**
 * Differences to `available`, all or nothing. `@idempotent` is required at run time since 2026-04 although the schema does not
 * say so (recorded answer: "The @idempotent directive is required for this mutation but was not provided.").
 */
export const ADJUST_INVENTORY = `mutation LockstepAdjust($input: InventoryAdjustQuantitiesInput!, $key: String!) {
  inventoryAdjustQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id createdAt }
    userErrors { field message code }
  }
}`;
