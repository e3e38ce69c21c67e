import type { Shop } from "../shop.ts";
import type { Meta } from "../state.ts";

/** The base of every address in a REST object. */
export const api = (shop: Shop) => `${shop.url}/wp-json/wc/v3`;

const ITEM_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
export const self = (href: string, allow = ITEM_METHODS) => [{ href, targetHints: { allow } }];

/** Objects are answered as they were at that moment. */
export const copied = (metas: readonly Meta[]) => metas.map((meta) => ({ ...meta }));
