import type { Mutant } from "./mutant.ts";

/** Who is told of what, and when it is over. */
export const alerts: Mutant[] = [
	{
		name: "what comes and goes is told of every time",
		file: "app/alerts/look.ts",
		from: "const loud = turns.filter(({ quiet }) => !quiet);",
		to: "const loud = turns;",
		tests: ["app/alerts/alerts.test.ts"],
	},
	{
		name: "an alert passes for lasting at once",
		file: "app/alerts/look.ts",
		from: "k.noticed_at <= now() - bad.for_ms * interval '1 millisecond' AS due",
		to: "true AS due",
		tests: ["app/alerts/alerts.test.ts"],
	},
	{
		name: "an e-mail that goes out again is another one",
		file: "app/alerts/mail/send-mail.ts",
		from: "messageId: `<",
		to: "messageId: attempts + `<",
		tests: ["app/alerts/mail/send-mail.test.ts"],
	},
	{
		name: "the day's summary comes in the morning of Greenwich",
		file: "app/alerts/digest.ts",
		from: 'localTime(now, zone ?? "UTC")',
		to: 'localTime(now, "UTC")',
		tests: ["app/alerts/mail/send-mail.test.ts"],
	},
	{
		name: "what sets Shopify's stock back is told of nobody",
		file: "app/alerts/conditions.ts",
		from: "WHERE c.is_home AND u.shop_id = c.shop_id",
		to: "WHERE NOT c.is_home AND u.shop_id = c.shop_id",
		tests: ["tests/pipeline/other-writer-at-home.test.ts"],
	},
];
