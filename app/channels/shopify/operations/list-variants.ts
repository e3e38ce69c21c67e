import { ITEM_FIELDS, VARIANT_FIELDS } from "./item-fields.ts";

/** The catalogue as sellable things, page by page; `inventoryQuantity` is the sum over locations. */
export const LIST_VARIANTS = `query LockstepVariants($after: String, $query: String) {
  productVariants(first: 100, after: $after, query: $query) {
    pageInfo { hasNextPage endCursor }
    nodes { ${VARIANT_FIELDS} inventoryQuantity inventoryItem { ${ITEM_FIELDS} } }
  }
}`;

export const COUNT_VARIANTS = `query LockstepVariantCount {
  productVariantsCount(limit: null) { count precision }
}`;
