import type { Mutant } from "./mutant.ts";

/** The outside world, one folder each. */
export const channels: Mutant[] = [
	{
		name: "an unknown order status counts as none of ours",
		file: "app/channels/woocommerce/mapping.ts",
		from: "status: z.enum([...KEEPING, ...FREE, ...DRAFTS]),",
		to: 'status: z.enum([...KEEPING, ...FREE, ...DRAFTS]).catch("pending"),',
		tests: ["app/channels/woocommerce/mapping.test.ts"],
	},
	{
		name: "a refund without restock frees units",
		file: "app/channels/shopify/held-units.ts",
		from: "Math.min(line.quantity, line.currentQuantity + line.refundedWithoutRestock)",
		to: "Math.min(line.quantity, line.currentQuantity)",
		tests: ["app/channels/shopify/held-units.test.ts"],
	},
	{
		name: "only a host's first address is checked",
		file: "app/channels/public-hosts.ts",
		from: "addresses.find((address) => !isPublic(address))",
		to: "addresses.slice(0, 1).find((address) => !isPublic(address))",
		tests: ["app/channels/public-hosts.test.ts"],
	},
	{
		name: "Amazon's whole burst is used, and what comes late is too much",
		file: "app/channels/amazon/operations.ts",
		from: "Math.floor(burst - unitsPerSecond * LATE_SECONDS)",
		to: "burst",
		tests: ["app/channels/amazon/operations.test.ts"],
	},
	{
		name: "an order whose parcel is on its way is cancelled",
		file: "app/channels/woocommerce/orders.ts",
		from: '["pending", "processing", "on-hold"]',
		to: '["pending", "processing", "on-hold", "completed"]',
		tests: ["tests/pipeline/oversells.test.ts"],
	},
	{
		name: "a sum that Amazon changes without a word accuses the merchant",
		file: "app/channels/amazon/index.ts",
		from: "sumsChangeUnsaid: true",
		to: "sumsChangeUnsaid: false",
		tests: ["app/reconcile/totals.amazon.test.ts"],
	},
	{
		name: "a sum that is told makes another state of an order",
		file: "app/channels/amazon/mapping.ts",
		from: "({ cancelled, lines }: Content): string =>",
		to: "({ cancelled, lines, total }: Content): string => JSON.stringify(total ?? null) +",
		tests: ["app/channels/amazon/mapping.test.ts"],
	},
	{
		name: "a list that goes on without sums asks its later pages for them",
		file: "app/channels/amazon/orders.ts",
		from: "included = includedData;",
		to: "",
		tests: ["app/channels/amazon/client.test.ts"],
	},
	{
		name: "an API version that ends is told of a day late",
		file: "app/channels/calendar.ts",
		from: "daysLeft <= VERSION_WARNING_DAYS",
		to: "daysLeft < VERSION_WARNING_DAYS",
		tests: ["app/channels/calendar.test.ts"],
	},
];
