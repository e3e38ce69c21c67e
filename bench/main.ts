import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { createPool, type Pool } from "#app/db.server.ts";
import { startEmbeddedPostgres } from "../server/embedded/postgres.ts";
import { migrate } from "../server/migrate.ts";
import { hotSku, manySkus } from "./apply.ts";
import { type Bench, type BenchReport, machine, median, runBench } from "./harness.ts";
import { openIngest } from "./ingest.ts";
import { openLag } from "./lag.ts";
import { openPages } from "./pages.ts";
import { openReconcile } from "./reconcile.ts";

const POOL_MAX = 10;

/** What a bench may stand on: a database of its own that is thrown away, as durable as in production. */
type Ground = { pool: Pool; databaseUrl: string; directory: string; quick: boolean };

const benches: Record<string, (ground: Ground) => Promise<Bench> | Bench> = {
	ingest: ({ pool, ...rest }) => openIngest(pool, rest),
	"apply-hot-sku": ({ pool }) => hotSku(pool),
	"apply-many-skus": ({ pool }) => manySkus(pool),
	"lag-idle": ({ directory }) => openLag("idle", directory),
	"lag-busy": ({ directory }) => openLag("busy", directory),
	pages: ({ pool, ...rest }) => openPages(pool, rest),
	reconcile: ({ pool, ...rest }) => openReconcile(pool, rest),
};

const HELP = `npm run bench -- [options]
  --only NAME      one of ${Object.keys(benches).join(", ")} (may be given several times)
  --report FILE    write the figures as JSON
  --quick          one pair where a bench knows how, while others use the machine: figures to work by, not to keep
`;

/** `npm run bench`: figures, not verdicts. No test asserts them; they are written down with machine and date in docs/benchmarks. */
const { only, report, quick } = readOptions();
const reports: BenchReport[] = [];
for (const name of only) {
	const bench = await measure(name);
	reports.push(bench);
	print(bench);
}
// What a library still holds (idle sockets) is not worth waiting for.
process.exit(0);

/** Written after each pair: a run that is cut short has measured what it has measured. */
async function writeReport(soFar: BenchReport): Promise<void> {
	if (!report) return;
	const result = { date: new Date().toISOString(), machine: machine(), benches: [...reports, soFar] };
	await writeFile(report, `${JSON.stringify(result, null, 2)}\n`);
}

async function measure(name: string): Promise<BenchReport> {
	const directory = await mkdtemp(path.join(tmpdir(), "lockstep-bench-"));
	const postgres = await startEmbeddedPostgres({ directory: path.join(directory, "postgres") });
	await migrate(postgres.url);
	const pool = createPool({ url: postgres.url, max: POOL_MAX, name: "bench" });
	try {
		const bench = await (benches[name] as (ground: Ground) => Promise<Bench> | Bench)({
			pool,
			databaseUrl: postgres.url,
			directory,
			quick,
		});
		const measured = await runBench(bench, async (soFar) => {
			process.stderr.write(`${name}: pair ${soFar.pairs} of ${bench.pairs}\n`);
			await writeReport(soFar);
		}).catch(async (error: unknown) => {
			// No process of a failed bench stays behind; what closing it finds is of no interest then.
			await bench.close?.().catch(() => {});
			throw error;
		});
		await bench.close?.();
		return measured;
	} finally {
		await pool.end();
		await postgres.stop();
		await rm(directory, { recursive: true, force: true });
	}
}

function print({ name, question, ratio, ratios, ours_ms, theirs_ms, also, goals, valid }: BenchReport): void {
	const say = (line: string) => process.stdout.write(`${line}\n`);
	const row = (label: string, values: readonly (number | string)[]) =>
		say(`  ${label.padEnd(24)}${values.map((v) => String(v).padStart(10)).join("")}`);
	say(`\n${name}: ${question}`);
	if (!valid) say("  A measure is below what the clock can tell: these figures are not valid.");
	row("", [...ours_ms.map((_, n) => `pair ${n + 1}`), "median"]);
	row("ours, ms", [...ours_ms, median(ours_ms).toFixed(1)]);
	row("theirs, ms", [...theirs_ms, median(theirs_ms).toFixed(1)]);
	row("theirs ÷ ours", [...ratios, ratio]);
	for (const [figure, { ours, theirs, ratio: of }] of Object.entries(also)) {
		if (ours.length > 0) row(`${figure}, ours`, [...ours, median(ours).toFixed(1)]);
		if (theirs.length > 0) row(`${figure}, theirs`, [...theirs, median(theirs).toFixed(1)]);
		if (of !== null) say(`  ${`${figure}, theirs ÷ ours`.padEnd(24)}${" ".repeat(10 * ours.length)}${String(of).padStart(10)}`);
	}
	for (const { figure, atMost, median: reached, met } of goals)
		say(`  ${`goal: ${figure}`.padEnd(34)}${`${reached} of ${atMost}`.padStart(16)}  ${met ? "met" : "NOT MET"}`);
}

function readOptions(): { only: string[]; report: string | undefined; quick: boolean } {
	try {
		const { values } = parseArgs({
			options: {
				only: { type: "string", multiple: true },
				report: { type: "string" },
				quick: { type: "boolean" },
				help: { type: "boolean" },
			},
		});
		if (values.help) {
			process.stdout.write(HELP);
			process.exit(0);
		}
		const names = values.only ?? Object.keys(benches);
		const unknown = names.find((name) => !(name in benches));
		if (unknown !== undefined) throw new Error(`There is no bench "${unknown}".`);
		return { only: names, report: values.report, quick: values.quick ?? false };
	} catch (error) {
		process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
		process.exit(2);
	}
}
