import { expect, test } from "vitest";
import { moneyOf } from "./money.ts";

test.each([
	["12.50", "EUR", { amount: "12.50", currency: "EUR" }],
	[12, "USD", { amount: "12", currency: "USD" }],
	["-3.1", "USD", { amount: "-3.1", currency: "USD" }],
	["", "USD", null],
	["1e9", "USD", null],
	["12,50", "EUR", null],
	["12.50", "points", null],
	[undefined, undefined, null],
	[Number.NaN, "USD", null],
])("R26 an order's total is kept as stated or not at all: %s %s", (amount, currency, money) => {
	expect(moneyOf(amount, currency)).toEqual(money);
});
