/** What the audit calls a bulk change that is over. */
export const BULK_ACTION = {
	rules: "rules.bulk_changed",
	paused: "listings.bulk_paused",
	resumed: "listings.bulk_resumed",
	file: "bulk.applied",
	fileBack: "bulk.rolled_back",
	orders: "bulk.orders_read",
	listings: "bulk.listings_read",
} as const;
