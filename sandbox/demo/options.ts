import { parseArgs } from "node:util";
import { DEMO_CHANNELS } from "./outside.ts";

export type DemoOptions = {
	/** Sales over both acts. */
	sales: number;
	seed: number;
	port: number;
	channels: readonly string[];
	/** Which channels have buyers. */
	sellers: readonly string[];
	/** Five stores misbehave in five ways while the others sell, in place of the ordinary day. */
	faults: boolean;
	/** How often that is played, each time with a run without faults beside it. */
	pairs: number;
	exit: boolean;
	report: string | null;
};

/** Played unless the command line says otherwise: the two that every newcomer should see. */
const CHANNELS = ["shopify", "woocommerce"];
const HELP = `npm run demo -- [options]
  --sales N        sales over both acts (default 600)
  --seed S         the day to play (default 7)
  --port P         address of the simulated Shopify admin (default 4010)
  --channels a,b   connected channels (default ${CHANNELS.join(",")}; there are ${DEMO_CHANNELS.join(", ")})
  --sellers a,b    channels that have buyers (default: all connected)
  --faults         five stores fail in five ways for five minutes while the others sell (default then: 2,000 sales)
  --pairs N        with --faults: play it N times, each with a run without faults before it (default 1)
  --exit           stop after the table instead of staying up
  --report FILE    write the table as JSON
`;

/** Reads the command line; says what is wrong in a sentence and stops. */
export function readOptions(args: readonly string[]): DemoOptions {
	const { values } = parse(args);
	if (values.help) {
		process.stdout.write(HELP);
		process.exit(0);
	}
	const channels = list("channels", values.channels ?? CHANNELS.join(","));
	if (!channels.includes("shopify")) stop("--channels must hold shopify: it is where the stock is counted.");
	const sellers = list("sellers", values.sellers ?? channels.join(","));
	for (const seller of sellers) if (!channels.includes(seller)) stop(`--sellers names ${seller}, which --channels does not connect.`);
	return {
		sales: whole("sales", values.sales ?? (values.faults ? "2000" : "600"), { least: 1, most: 100_000 }),
		seed: whole("seed", values.seed ?? "7", { least: 0, most: 4_294_967_295 }),
		port: whole("port", values.port ?? "4010", { least: 0, most: 65_535 }),
		channels,
		sellers,
		faults: values.faults ?? false,
		pairs: whole("pairs", values.pairs ?? "1", { least: 1, most: 20 }),
		exit: values.exit ?? false,
		report: values.report ?? null,
	};
}

function parse(args: readonly string[]) {
	try {
		return parseArgs({
			args: [...args],
			options: {
				sales: { type: "string" },
				seed: { type: "string" },
				port: { type: "string" },
				channels: { type: "string" },
				sellers: { type: "string" },
				faults: { type: "boolean" },
				pairs: { type: "string" },
				exit: { type: "boolean" },
				report: { type: "string" },
				help: { type: "boolean" },
			},
		});
	} catch (error) {
		return stop(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
	}
}

function list(name: string, text: string): string[] {
	const names = text
		.split(",")
		.map((n) => n.trim())
		.filter(Boolean);
	for (const n of names)
		if (!DEMO_CHANNELS.includes(n)) stop(`--${name}: there is no channel "${n}" here. There are: ${DEMO_CHANNELS.join(", ")}.`);
	return [...new Set(names)];
}

function whole(name: string, text: string, { least, most }: { least: number; most: number }): number {
	const value = Number(text);
	if (!Number.isInteger(value) || value < least || value > most)
		stop(`--${name} must be a whole number from ${least} to ${most}, not "${text}".`);
	return value;
}

function stop(sentence: string): never {
	process.stderr.write(`${sentence}\n`);
	process.exit(2);
}
