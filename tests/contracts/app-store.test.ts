import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { REQUIRED_SCOPES } from "#app/channels/shopify/version.ts";
import { parseToml } from "../../sandbox/channels/shopify/toml.ts";

const page = readFileSync(new URL("../../docs/app-store.md", import.meta.url), "utf8");
/** The first two cells of every row of every table. */
const rows = page.split("\n").flatMap((line) => {
	const [, first, second] = /^\| (.+?) \| (.+?) \|/.exec(line) ?? [];
	return first === undefined || second === undefined ? [] : [[first, second] as const];
});
const texts = (field: string) => rows.filter(([name]) => name === field).map(([, text]) => text);

/** Shopify's own bounds of the listing's fields, in characters. */
test.each([
	["App name", 30],
	["App card subtitle", 62],
	["App introduction", 100],
	["App details", 500],
	["Feature", 80],
	["Title tag", 60],
	["Meta description", 160],
])("R34 the listing's %s is no longer than %i characters", (field, most) => {
	expect(texts(field)).toHaveLength(field === "Feature" ? 5 : 1);
	for (const text of texts(field)) {
		expect(text.length).toBeGreaterThan(10);
		expect({ text, fits: text.length <= most }).toEqual({ text, fits: true });
	}
});

test("R34 the name does not say Shopify; there are at most five search terms of at most 20 characters", () => {
	expect(texts("App name")[0]).not.toMatch(/shopify/i);
	const terms = (texts("Search terms")[0] ?? "").split(", ");
	expect(terms).toHaveLength(5);
	for (const term of terms) expect(term.length).toBeLessThanOrEqual(20);
});

test("R34 each scope that is asked for is explained, and none that is not", () => {
	const explained = rows.flatMap(([cell]) => /^`(\w+)`$/.exec(cell)?.[1] ?? []);
	expect(explained).toEqual([...REQUIRED_SCOPES]);
	const toml = parseToml(readFileSync(new URL("../../shopify.app.toml", import.meta.url), "utf8")) as { access_scopes: object };
	// No optional scope is declared, as the page says.
	expect(Object.keys(toml.access_scopes).sort()).toEqual(["scopes", "use_legacy_install_flow"]);
});
