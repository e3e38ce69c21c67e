import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pictureOf, SCREENS, type Screen, STATE_WORDS, STATES } from "./screens.ts";

const ROOT = join(import.meta.dirname, "../..");
const PICTURES = join(ROOT, "docs/screens");
/** The frame around the pages, the way in, and what has no face: a file, a live figure. */
const NO_PAGES = ["_index.tsx", "app.tsx", "auth.$.tsx", "auth.login.tsx"];

describe("R35 every page in every state has its picture", () => {
	test("each page of app/routes is a row of the table, and nothing else is", () => {
		const pages = readdirSync(join(ROOT, "app/routes")).filter((name) => !name.endsWith(".ts") && !NO_PAGES.includes(name));
		expect([...new Set(SCREENS.map(({ route }) => route))].sort()).toEqual(pages.map((name) => name.replace(/\.tsx$/, "")).sort());
	});

	test("each state that a page can be in has a picture at both sizes", () => {
		const missing = SCREENS.flatMap(({ name, not }) =>
			STATES.filter((state) => !not[state])
				.flatMap((state) => [pictureOf(name, state), `${pictureOf(name, state)}-phone`])
				.filter((picture) => !existsSync(join(PICTURES, `${picture}.png`))),
		);
		expect(missing).toEqual([]);
	});

	test("docs/screens/README.md shows that table", () => {
		const path = join(PICTURES, "README.md");
		if (process.env.LOCKSTEP_SCREENS) writeFileSync(path, readme());
		expect(readFileSync(path, "utf8")).toBe(readme());
	});
});

/** Rows are pages, columns states; whatever has no picture says why below. */
function readme(): string {
	const reasons = [...new Set(SCREENS.flatMap(({ not }) => Object.values(not)))];
	const cell = ({ name, not }: Screen) =>
		STATES.map((state) => {
			const why = not[state];
			const picture = pictureOf(name, state);
			return why ? `– (${reasons.indexOf(why) + 1})` : `[desktop](${picture}.png) · [phone](${picture}-phone.png)`;
		});
	return [
		"# Every page in every state",
		"",
		"Made by the browser tests, which look at each of them as well: nothing wider than the screen, nothing said to the console, and no",
		"violation of WCAG 2.2 AA. `LOCKSTEP_SCREENS=1 npx vitest run tests/browser` makes them anew; `tests/browser/screens.ts` is this table,",
		"and `tests/browser/screens.test.ts` fails when a page or a picture is missing.",
		"",
		...STATES.map((state) => `- **${state}**: ${STATE_WORDS[state]}`),
		"",
		`| page | ${STATES.join(" | ")} |`,
		`| --- | ${STATES.map(() => "---").join(" | ")} |`,
		...SCREENS.map((one) => `| ${one.name} (\`${one.route}\`) | ${cell(one).join(" | ")} |`),
		"",
		...reasons.map((reason, n) => `(${n + 1}) ${reason}  `),
		"",
		"`journey-…` are a merchant's whole way in order, from installing to disconnecting; the other pictures are single moments of these pages,",
		"and the simulated admin's own pages (`sandbox-…`).",
		"",
	].join("\n");
}
