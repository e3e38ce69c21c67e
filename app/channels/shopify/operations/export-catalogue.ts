import { ITEM_FIELDS, LEVEL_FIELDS, VARIANT_FIELDS } from "./item-fields.ts";

/**
 * Everything that a first import needs, in one bulk query: variants with their item, the item's levels, and what a bundle is
 * made of. Three connections, two deep; a bulk query may have five connections, two deep
 * (shopify.dev/docs/api/usage/bulk-operations/queries).
 */
export const CATALOGUE_QUERY = `{
  productVariants {
    edges { node {
      ${VARIANT_FIELDS}
      inventoryItem { ${ITEM_FIELDS} inventoryLevels { edges { node { ${LEVEL_FIELDS} } } } }
      productVariantComponents { edges { node { id quantity productVariant { id inventoryItem { id } } } } }
    } }
  }
}`;

const OPERATION_FIELDS = `id status errorCode createdAt completedAt objectCount rootObjectCount url partialDataUrl`;

/** Not grouped: grouping is slower and times out more often, and every line here says by itself what it belongs to. */
export const START_EXPORT = `mutation LockstepStartExport($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { ${OPERATION_FIELDS} }
    userErrors { field message code }
  }
}`;

export const READ_EXPORT = `query LockstepReadExport($id: ID!) {
  bulkOperation(id: $id) { ${OPERATION_FIELDS} }
}`;
