import { describe, expect, test } from "vitest";
import { accountOfSource, readAccount } from "./account.ts";

describe("the store's address", () => {
	test.each([
		["https://store.example", "store.example"],
		["https://Store.Example/", "store.example"],
		["store.example", "store.example"],
		["  www.store.example/  ", "www.store.example"],
		["https://store.example:443", "store.example"],
		["https://store.example:8443/", "store.example:8443"],
		["https://example.com/Shop/", "example.com/Shop"],
		["https://example.com/shop/wp-admin/admin.php?page=wc-admin", "example.com/shop"],
		["https://store.example/wp-login.php", "store.example"],
		["https://store.example./", "store.example"],
		["https://münchen.example", "xn--mnchen-3ya.example"],
	])("%s is %s", (typed, account) => {
		expect(readAccount(typed)).toEqual({ outcome: "account", account });
	});

	test.each([
		["http://store.example", /encrypted connection/],
		["https://192.168.0.5", /number address/],
		["https://localhost", /public internet/],
		["https://user:pw@store.example", /user name/],
		["", /not a web address/],
		["not a store", /not a web address/],
		["javascript:alert(1)", /https/],
	])("%j is refused in words", (typed, reason) => {
		expect(readAccount(typed)).toEqual({ outcome: "refused", reason: expect.stringMatching(reason) });
	});

	test("what the store calls itself in a webhook is the same account, whatever its scheme", () => {
		expect(accountOfSource("https://store.example/")).toBe("store.example");
		expect(accountOfSource("http://store.example/")).toBe("store.example");
		expect(accountOfSource("https://example.com/shop/")).toBe("example.com/shop");
		expect(accountOfSource("https://staging.store.example/")).not.toBe("store.example");
		expect(accountOfSource("nonsense")).toBeNull();
		expect(accountOfSource(undefined)).toBeNull();
	});
});
