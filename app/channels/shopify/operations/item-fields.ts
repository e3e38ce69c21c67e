/** What an item event is made of, for an inventory item that has its variant beside it. */
export const ITEM_FIELDS = `id sku tracked updatedAt`;
export const VARIANT_FIELDS = `id title barcode inventoryPolicy requiresComponents updatedAt product { id title updatedAt }`;

/** What a reading is made of. `item` stands here although the parent is known: a bulk export says it only on the level itself. */
export const LEVEL_FIELDS = `id isActive updatedAt item { id } location { id } quantities(names: ["available"]) { name quantity updatedAt }`;
