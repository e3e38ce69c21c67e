import type { Mutant } from "./mutant.ts";

/** What each listing must show. */
export const listings: Mutant[] = [
	{
		name: "a buffer is not kept back",
		file: "app/domain/policy.ts",
		from: "quantity = sellable - (policy.buffer ?? 0);",
		to: "quantity = sellable + (policy.buffer ?? 0);",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "what is owed is offered for sale",
		file: "app/domain/policy.ts",
		from: "const sellable = Math.max(0, available);",
		to: "const sellable = Math.abs(available);",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "a bundle shows what its best component allows",
		file: "app/listings/desired.ts",
		from: "fewest = Math.min(fewest, Math.floor(net / quantity));",
		to: "fewest = Math.floor(net / quantity);",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "a cancellation that is told late raises what the channel is believed to show",
		file: "app/listings/desired.ts",
		from: "const shown = listing.shown - Math.max(0, sale.change - paid);",
		to: "const shown = listing.shown - (sale.change - paid);",
		tests: ["app/listings/own-orders.test.ts"],
	},
];
