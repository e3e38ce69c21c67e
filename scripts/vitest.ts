import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname, "..");

export type TestRun = {
	passed: number;
	/** Failed tests, files that could not be loaded, and errors outside any test. */
	failed: number;
	skipped: number;
	tests: { title: string; file: string; passed: boolean }[];
};

export type RunOptions = {
	/** What vitest takes: files, -t pattern, … */
	args: string[];
	/** Shows vitest's own report while it runs. */
	show: boolean;
	cwd?: string;
	env?: Record<string, string>;
};

/** Runs vitest in a process of its own and counts from its JSON report. */
export async function runVitest({ args, show, cwd = ROOT, env = {} }: RunOptions): Promise<TestRun & { output: string }> {
	const directory = await mkdtemp(path.join(tmpdir(), "lockstep-report-"));
	const report = path.join(directory, "report.json");
	try {
		const cli = path.join(path.dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
		const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
		const { code, output } = await run([cli, "run", ...reporters, ...args], { show, cwd, env });
		return { ...count(await readFile(report, "utf8").catch(() => ""), code), output };
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
}

type Report = {
	testResults: { name: string; status: string; assertionResults: { fullName: string; status: string }[] }[];
};

function count(text: string, code: number): TestRun {
	if (text === "") return { passed: 0, failed: 1, skipped: 0, tests: [] };
	const files = (JSON.parse(text) as Report).testResults;
	const all = files.flatMap(({ name, assertionResults }) => assertionResults.map((one) => ({ ...one, file: path.relative(ROOT, name) })));
	const of = (status: string) => all.filter((one) => one.status === status).length;
	const broken = files.filter((file) => file.status === "failed" && file.assertionResults.every((one) => one.status !== "failed")).length;
	const failed = of("failed") + broken;
	return {
		passed: of("passed"),
		// An unhandled error fails the run although every test passed.
		failed: failed === 0 && code !== 0 ? 1 : failed,
		skipped: all.length - of("passed") - of("failed"),
		tests: all.map(({ fullName, file, status }) => ({ title: fullName, file, passed: status === "passed" })),
	};
}

function run(
	args: string[],
	{ show, cwd, env }: { show: boolean; cwd: string; env: Record<string, string> },
): Promise<{ code: number; output: string }> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, args, {
			cwd,
			env: { ...process.env, ...env },
			stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
		});
		let output = "";
		for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
		child.on("error", reject);
		child.on("close", (code) => resolve({ code: code ?? 1, output }));
	});
}
