import type { Mutant } from "./mutant.ts";

/** Connecting, consent, tokens, budgets, matching. */
export const connections: Mutant[] = [
	{
		name: "all accounts of a shop pay from one bucket",
		file: "app/connections/budget.ts",
		from: "VALUES ($1, $2, $3, $4::float8",
		to: "VALUES ($1, (SELECT min(id) FROM connection WHERE shop_id = $1), $3, $4::float8",
		tests: ["app/connections/budget.test.ts"],
	},
	{
		name: "consent: another user finishes it",
		file: "app/connections/guests/complete-consent.ts",
		from: "ticket = $2 AND user_id = $3 AND state = 'granted'",
		to: "ticket = $2 AND coalesce($3, user_id) = $3 AND state = 'granted'",
		tests: ["app/connections/guests/consent.test.ts"],
	},
	{
		name: "consent: whoever knows the link finishes it",
		file: "app/connections/guests/consent.ts",
		from: "const ticket = newNonce();",
		to: "const ticket = state;",
		tests: ["app/connections/guests/consent.test.ts"],
	},
	{
		name: "consent: the account that the way back names is believed",
		file: "app/connections/guests/connect-granted.ts",
		from: "if (tried.health.account !== grant.account) {",
		to: "if (grant.account === '') {",
		tests: ["app/connections/guests/consent.test.ts"],
	},
	{
		name: "tokens: a refused one stays in the database",
		file: "app/connections/consented-token.ts",
		from: "if (refused !== undefined && stored.token === refused) await",
		to: "if (refused !== undefined && stored.token === null) await",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "tokens: a rotated refresh token is not saved",
		file: "app/connections/sql/access.ts",
		from: "SET credentials = coalesce($4, credentials)",
		to: "SET credentials = coalesce(credentials, $4)",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "tokens: what a refresh brings is saved over a newer consent",
		file: "app/connections/sql/access.ts",
		from: "(access_lease = $3 OR ($4::text IS NOT NULL AND credentials = $7))",
		to: "($3::text IS NOT NULL OR ($4::text IS NOT NULL AND credentials = $7))",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "tokens: every process refreshes",
		file: "app/connections/refresh-lease.ts",
		// biome-ignore lint/suspicious/noTemplateCurlyInString: it stands so in the file.
		from: "AND (${until} IS NULL OR ${until} < clock_timestamp())",
		to: "",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "budget: all operations share one bucket",
		file: "app/connections/budget.ts",
		from: "return { name: operation, ...own };",
		to: "return { name: BUCKET, ...own };",
		tests: ["app/connections/budget-operations.test.ts"],
	},
	{
		name: "budget: who waits for tokens holds a place",
		file: "app/connections/budget.ts",
		from: "if (!paid) release();",
		to: "if (!paid) setTimeout(release, 30_000);",
		tests: ["app/connections/budget-operations.test.ts"],
	},
	{
		name: "links: what somebody else linked since the page was opened is written over",
		file: "app/connections/guests/change-links.ts",
		from: "due.some(({ was, row }) => row.item_id !== was)",
		to: "due.length === 0",
		tests: ["app/pages/item/links.test.ts"],
	},
	{
		name: "links: a listing that moves is taken from its product and given to none",
		file: "app/connections/guests/change-links.ts",
		from: "const { fresh } = await link(tx, { shopId, connectionId, links: sides.to });",
		to: "const fresh = sides.to;",
		tests: ["app/pages/item/links.test.ts"],
	},
	{
		name: "new keys, and the orders of the meantime wait for the next poll",
		file: "app/connections/guests/renew-access.ts",
		from: "breaker_failures = 0, breaker_until = NULL, polled_at = NULL",
		to: "breaker_failures = 0, breaker_until = NULL",
		tests: ["app/connections/guests/renew-keys.test.ts"],
	},
	{
		name: "new keys leave the webhooks' secret behind",
		file: "app/connections/guests/renew-access.ts",
		from: "...(webhookSecret ? { webhookSecret } : {})",
		to: "...(webhookSecret ? {} : {})",
		tests: ["app/connections/guests/renew-keys.test.ts"],
	},
];
