import { ITEM_FIELDS, LEVEL_FIELDS, VARIANT_FIELDS } from "./item-fields.ts";

/** Most shops have fewer locations; the rest of an item's levels are read page by page. */
export const LEVELS_PER_PAGE = 10;
/** 20 items at about 27 points each stay under the 1,000 points that one query may ask for. */
export const ITEMS_PER_READ = 20;

/** Inactive levels are asked for too: an item that is no longer stocked somewhere must not look as if it were not read. */
export const READ_LEVELS = `query LockstepLevels($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      ${ITEM_FIELDS}
      variants(first: 1) { nodes { ${VARIANT_FIELDS} } }
      inventoryLevels(first: ${LEVELS_PER_PAGE}, includeInactive: true) { pageInfo { hasNextPage endCursor } nodes { ${LEVEL_FIELDS} } }
    }
  }
}`;

export const READ_MORE_LEVELS = `query LockstepMoreLevels($id: ID!, $after: String!) {
  inventoryItem(id: $id) {
    inventoryLevels(first: 100, after: $after, includeInactive: true) { pageInfo { hasNextPage endCursor } nodes { ${LEVEL_FIELDS} } }
  }
}`;
