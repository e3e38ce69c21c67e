import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { mutants } from "../tests/mutants/index.ts";
import type { Mutant } from "../tests/mutants/mutant.ts";
import { ROOT, runVitest } from "./vitest.ts";

/**
 * `npm run mutants`: plants each bug of tests/mutants alone into a copy of the tree and runs the tests that must notice. A bug
 * that no test notices, or that no longer fits the code, fails. `npm run mutants -- NAME…` plants those whose name has NAME in it.
 */
const wanted = process.argv.slice(2);
const chosen = mutants.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (chosen.length === 0) {
	console.error(`No planted bug has "${wanted.join(" ")}" in its name. There are:\n${mutants.map(({ name }) => `  ${name}`).join("\n")}`);
	process.exit(1);
}

/** Of this machine's and of the embedded databases' sake: each run brings its own. */
const AT_ONCE = 2;
const queue = [...chosen];
const copies = await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, copyTree));
const rows: { name: string; verdict: "caught" | "MISSED" | "DOES NOT FIT" | "TESTS BROKEN"; detail: string; seconds: number }[] = [];
try {
	await checkTestsPass(copies[0] as string);
	await Promise.all(
		copies.map(async (copy) => {
			for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
				const startedAt = Date.now();
				const { verdict, detail } = await plant(copy, mutant);
				rows.push({ name: mutant.name, verdict, detail, seconds: (Date.now() - startedAt) / 1000 });
				console.log(
					`${verdict === "caught" ? "✓" : "✗"} ${mutant.name}: ${verdict}, ${detail} (${Math.round((Date.now() - startedAt) / 1000)} s)`,
				);
			}
		}),
	);
} finally {
	for (const copy of copies) await rm(copy, { recursive: true, force: true });
}
const inOrder = chosen.flatMap(({ name }) => rows.filter((row) => row.name === name));
const widest = Math.max(...inOrder.map(({ name }) => name.length));
console.log(
	`\n${inOrder.map(({ name, verdict, seconds }) => `${name.padEnd(widest)}  ${verdict.padEnd(12)}  ${seconds.toFixed(0).padStart(3)} s`).join("\n")}`,
);
const caught = rows.filter(({ verdict }) => verdict === "caught").length;
console.log(`\n${caught} of ${rows.length} planted bugs caught.`);
console.log(`${caught} passed, ${rows.length - caught} failed`);
process.exitCode = caught === rows.length ? 0 : 1;

/** A test that fails without any bug would "catch" every one. */
async function checkTestsPass(copy: string): Promise<void> {
	const files = [...new Set(chosen.flatMap(({ tests }) => tests))];
	const run = await runVitest({ args: [...files, "--bail=1"], show: false, cwd: copy });
	if (run.failed === 0 && run.passed > 0) return;
	console.error(`The tests fail (or find nothing) without any planted bug:\n${run.output.slice(-4_000)}`);
	for (const made of copies) await rm(made, { recursive: true, force: true });
	process.exit(1);
}

async function plant(copy: string, { file, from, to, tests }: Mutant): Promise<Pick<(typeof rows)[number], "verdict" | "detail">> {
	const target = path.join(copy, file);
	const original = await readFile(target, "utf8").catch(() => "");
	const places = original.split(from).length - 1;
	if (places !== 1) return { verdict: "DOES NOT FIT", detail: `the line to change stands ${places} times in ${file}` };
	try {
		await writeFile(
			target,
			original.replace(from, () => to),
		);
		const run = await runVitest({ args: [...tests, "--bail=1"], show: false, cwd: copy });
		const failed = run.tests.find(({ passed }) => !passed);
		if (run.failed > 0 && failed) return { verdict: "caught", detail: `by "${failed.title}"` };
		// A file that does not load is no test that noticed.
		if (run.failed > 0) return { verdict: "TESTS BROKEN", detail: run.output.trim().split("\n").slice(-6).join(" ") };
		return { verdict: "MISSED", detail: `${run.passed} tests passed in ${tests.join(", ")}` };
	} finally {
		await writeFile(target, original);
	}
}

/** Everything but what is made (node_modules is shared, by a link; build/ is not needed). The real tree is never touched. */
async function copyTree(): Promise<string> {
	const target = await mkdtemp(path.join(tmpdir(), "lockstep-mutants-"));
	const left = new Set(["node_modules", "build", ".git", ".lockstep"]);
	for (const name of await readdir(ROOT)) {
		if (!left.has(name)) await cp(path.join(ROOT, name), path.join(target, name), { recursive: true });
	}
	await symlink(path.join(ROOT, "node_modules"), path.join(target, "node_modules"), "dir");
	return target;
}
