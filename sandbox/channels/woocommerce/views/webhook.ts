import type { Shop } from "../shop.ts";
import type { Webhook } from "../state.ts";
import { api, self } from "./links.ts";

/** The WordPress hooks behind each topic, as the webhook object lists them. */
export const TOPIC_HOOKS: Record<string, string[]> = {
	"order.created": ["woocommerce_new_order"],
	"order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
	"order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
	"order.restored": ["untrashed_post", "woocommerce_untrash_order"],
	"product.created": ["woocommerce_process_product_meta", "woocommerce_new_product", "woocommerce_new_product_variation"],
	"product.updated": ["woocommerce_process_product_meta", "woocommerce_update_product", "woocommerce_update_product_variation"],
	"product.deleted": ["wp_trash_post"],
	"product.restored": ["untrashed_post"],
	"customer.created": ["user_register", "woocommerce_created_customer", "woocommerce_new_customer"],
	"customer.updated": ["profile_update", "woocommerce_update_customer"],
	"customer.deleted": ["delete_user"],
	"coupon.created": ["woocommerce_process_shop_coupon_meta", "woocommerce_new_coupon"],
	"coupon.updated": ["woocommerce_process_shop_coupon_meta", "woocommerce_update_coupon"],
	"coupon.deleted": ["wp_trash_post"],
	"coupon.restored": ["untrashed_post"],
};

export function webhookView(shop: Shop, webhook: Webhook) {
	const href = `${api(shop)}/webhooks`;
	const [resource, event] = webhook.topic.split(".");
	return {
		id: webhook.id,
		name: webhook.name,
		status: webhook.status,
		topic: webhook.topic,
		resource,
		event,
		hooks: TOPIC_HOOKS[webhook.topic] ?? (resource === "action" ? [event] : []),
		delivery_url: webhook.deliveryUrl,
		date_created: shop.time.local(webhook.createdAt),
		date_created_gmt: shop.time.gmt(webhook.createdAt),
		date_modified: webhook.modifiedAt === null ? null : shop.time.local(webhook.modifiedAt),
		date_modified_gmt: webhook.modifiedAt === null ? null : shop.time.gmt(webhook.modifiedAt),
		_links: { self: self(`${href}/${webhook.id}`), collection: [{ href }] },
	};
}
