import type { Breakage } from "../../admin/index.ts";
import type { WooStore } from "../../channels/woocommerce/index.ts";

export type StoreKey = { consumerKey: string; consumerSecret: string };

/** What a store's own people do to it; the faults of its line stand beside it for every channel. */
export function storeBreakages(
	store: WooStore,
	{ group, key }: { group: string; key: { current(): StoreKey; make(): StoreKey } },
): Breakage[] {
	let deleted = false;
	let locked = false;
	return [
		{
			id: `${store.channel}-key`,
			group,
			label: "Delete Lockstep's key",
			explanation: "Every call is refused from now on. Pressed again, the store makes another key, to be entered in Lockstep.",
			isOn: () => deleted,
			press() {
				deleted = !deleted;
				if (deleted) {
					store.revokeKey(key.current().consumerKey);
					return "The key is deleted";
				}
				const { consumerKey, consumerSecret } = key.make();
				return `A new key: ${consumerKey} and ${consumerSecret}`;
			},
		},
		{
			id: `${store.channel}-locked`,
			group,
			label: "Lock products",
			explanation: "A plugin of the store refuses every other product's new figures, with a reason.",
			isOn: () => locked,
			press() {
				locked = !locked;
				const skus = store.products().flatMap(({ sku }, n) => (n % 2 === 0 ? [sku] : []));
				store.lockProducts(locked ? skus : []);
				return locked ? `${skus.length} products are locked` : "No product is locked any more";
			},
		},
	];
}
