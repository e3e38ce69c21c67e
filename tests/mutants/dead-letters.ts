import type { Mutant } from "./mutant.ts";

/** Failures, and the problems that they are of. */
export const deadLetters: Mutant[] = [
	{
		name: "a failure that is settled stays in its problem's number",
		file: "prisma/migrations/20261130020000_problems/migration.sql",
		from: "AS error_class, -1 AS n",
		to: "AS error_class, 0 AS n",
		tests: ["app/dead-letters"],
	},
	{
		name: "a problem that a person ignored stays ignored when it comes back",
		file: "app/dead-letters/problems/fold.ts",
		from: "WHEN p.failures + s.failures = 0 THEN 'resolved' WHEN p.state",
		to: "WHEN p.failures + s.failures = 0 AND p.state <> 'ignored' THEN 'resolved' WHEN p.state",
		tests: ["app/dead-letters"],
	},
	{
		name: "what another statement deleted is added up as well",
		file: "app/dead-letters/problems/fold.ts",
		from: "WHERE c.shop_id = $1 AND c.id <= $2 AND (p.shop_id",
		to: "WHERE c.shop_id = $1 AND c.failures > 0 AND c.id <= $2 AND (p.shop_id",
		tests: ["app/dead-letters"],
	},
	{
		name: "a message whose failure was tried again already is put in once more",
		file: "app/dead-letters/decide.ts",
		from: "AND id = ANY($2) AND state = 'open' AND direction = 'in'",
		to: "AND id = ANY($2) AND direction = 'in'",
		tests: ["app/replay/replay.test.ts"],
	},
	{
		name: "a complaint ends with the message and not with what it complains of",
		file: "app/dead-letters/decide.ts",
		from: "THEN 'replayed' ELSE d.state END",
		to: "THEN 'replayed' ELSE 'replayed' END",
		tests: ["app/pages/failed/link-failure.test.ts"],
	},
];
