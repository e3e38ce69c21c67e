import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { ROOT } from "./vitest.ts";

/** `npm run requirements`: every promise (docs/requirements.md) with the tests whose titles name it, or "none yet". */
const promises = readPromises(await readFile(path.join(ROOT, "docs/requirements.md"), "utf8"));
const titles = await readTitles();
const unknown = titles.filter(({ ids }) => ids.some((id) => !promises.some((promise) => promise.id === id)));

let kept = 0;
for (const { id, promise } of promises) {
	const tests = titles.filter(({ ids }) => ids.includes(id));
	if (tests.length > 0) kept++;
	console.log(`\n${id}  ${promise}`);
	if (tests.length === 0) console.log("     none yet");
	for (const { title, file } of tests) console.log(`     ${title}  (${file})`);
}
for (const { title, file } of unknown) console.log(`\nNo such promise: ${title}  (${file})`);
console.log(`\n${kept} of ${promises.length} promises have a test that names them.`);
process.exitCode = unknown.length > 0 ? 1 : 0;

function readPromises(text: string): { id: string; promise: string }[] {
	return [...text.matchAll(/^\| (R\d\d) \| (.+) \|$/gm)].map(([, id = "", promise = ""]) => ({ id, promise }));
}

/** Titles as they stand in the source: a test that was not run today still keeps its promise tomorrow. */
async function readTitles(): Promise<{ title: string; file: string; ids: string[] }[]> {
	const found: { title: string; file: string; ids: string[] }[] = [];
	const pattern = "{app,server,sandbox,scripts,tests,bench}/**/*.test.{ts,tsx}";
	for await (const file of glob(pattern, { cwd: ROOT, exclude: (name) => name.includes("node_modules") })) {
		const source = await readFile(path.join(ROOT, file), "utf8");
		for (const [, , title = ""] of source.matchAll(/\b(?:test|it|describe)(?:\.\w+)*(?:\([^()]*\))?\(\s*(["'`])((?:\\.|(?!\1).)*)\1/gs)) {
			const ids = title.match(/\bR\d\d\b/g) ?? [];
			if (ids.length > 0) found.push({ title: title.replace(/\\(.)/g, "$1"), file, ids: [...new Set(ids)] });
		}
	}
	return found.sort((a, b) => a.file.localeCompare(b.file));
}
