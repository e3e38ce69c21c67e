import type { Mutant } from "./mutant.ts";

/** The only writer of stock. */
export const ledger: Mutant[] = [
	{
		name: "a drain opens again what a person has dismissed meanwhile",
		file: "app/ledger/sql/write-stock.ts",
		from: "WHEN oversell.state = 'dismissed' THEN 'dismissed'",
		to: "WHEN false THEN 'dismissed'",
		tests: ["app/oversells/oversells.test.ts"],
	},
	{
		name: "a dismissed order loses its place in the line",
		file: "app/ledger/sql/lock-stock.ts",
		from: "AND covered < units ORDER BY id",
		to: "AND state = 'open' ORDER BY id",
		tests: ["app/oversells/oversells.test.ts"],
	},
];
