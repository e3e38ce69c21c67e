import { ITEM_FIELDS, VARIANT_FIELDS } from "./item-fields.ts";

/** A product has up to 2,048 variants; a page of 100 costs about 300 points. */
export const READ_PRODUCT = `query LockstepProduct($id: ID!, $after: String) {
  product(id: $id) {
    id
    variants(first: 100, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { ${VARIANT_FIELDS} inventoryItem { ${ITEM_FIELDS} } }
    }
  }
}`;
