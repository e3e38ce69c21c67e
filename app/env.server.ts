import { z } from "zod";
import { type AppSettings, channels } from "#channels";

export type Env = ReturnType<typeof namesOf>;

/**
 * The whole configuration, read once at start. Whoever needs a part of it gets that part as an option; nothing else in the app
 * looks at the environment. Throws one error with everything that is wrong, one sentence each.
 */
export function loadEnv(source: Record<string, string | undefined> = process.env): Env {
	// An empty line in an .env file (`REDIS_URL=`) means "not set".
	const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value.trim() !== ""));
	const parsed = environment.safeParse(given, { reportInput: true });
	const registered = readAppSettings(given);
	const problems = [...(parsed.success ? rulesBroken(parsed.data) : parsed.error.issues.map(sentenceOf)), ...registered.problems];
	if (!parsed.success || problems.length > 0) throw new EnvironmentError(problems);
	return namesOf(parsed.data, registered.settings);
}

const SINGLETON = Symbol.for("lockstep.env");
const holder = globalThis as { [SINGLETON]?: Env };

/** The process's configuration, for modules that the Remix build loads; read at the first call. Stages get options instead. */
export function env(): Env {
	holder[SINGLETON] ??= loadEnv();
	return holder[SINGLETON];
}

export class EnvironmentError extends Error {
	readonly problems: string[];
	constructor(problems: string[]) {
		super(
			`Lockstep cannot start, its configuration is not right (.env.example explains each name):\n${problems.map((p) => `- ${p}`).join("\n")}`,
		);
		this.name = "EnvironmentError";
		this.problems = problems;
	}
}

/** AES-256 takes exactly this. */
const KEY_BYTES = 32;

const whole = (low: number, high: number) =>
	z
		.string()
		.regex(/^\d+$/, "must be a whole number")
		.transform(Number)
		.refine((n) => n >= low && n <= high, `must be between ${low} and ${high}`);

const url = (schemes: string[], example: string) =>
	z
		.string()
		.refine((text) => URL.canParse(text) && schemes.includes(new URL(text).protocol.slice(0, -1)), `must be a URL such as ${example}`);

const keyRing = z.string().transform((text, context) => {
	const keys = text.split(",").map((entry) => {
		const [id = "", encoded = ""] = entry.trim().split(":");
		return { id, key: Buffer.from(encoded, "base64") };
	});
	// The entry is named by its place: what stands there may be a bare key, and this text goes into logs.
	const wrong = keys.findIndex(({ id, key }) => !/^[A-Za-z0-9_-]{1,32}$/.test(id) || key.length !== KEY_BYTES);
	const form = `must be id:key pairs separated by commas, each key ${KEY_BYTES} bytes in base64 (openssl rand -base64 32)`;
	if (wrong >= 0) context.addIssue({ code: "custom", message: `${form}; entry ${wrong + 1} is not` });
	else if (new Set(keys.map(({ id }) => id)).size < keys.length) context.addIssue({ code: "custom", message: "names one key id twice" });
	return keys;
});

const environment = z.object({
	NODE_ENV: z.enum(["development", "test", "production"], "must be development, test or production").default("development"),
	HOST: z.string().default("127.0.0.1"),
	PORT: whole(0, 65_535).default(4000),
	/** Where a worker process, which serves no pages, answers /healthz and /readyz. */
	HEALTH_PORT: whole(0, 65_535).optional(),
	LOG_LEVEL: z
		.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"], "must be a level of pino, such as info")
		.default("info"),

	SHOPIFY_API_KEY: z.string(),
	SHOPIFY_API_SECRET: z.string(),
	/** While Shopify's secret is being rotated, what the old one signed is accepted too. */
	SHOPIFY_API_SECRET_PREVIOUS: z.string().optional(),
	SHOPIFY_APP_URL: url(["https", "http"], "https://lockstep.example.com"),
	/** The library's own hook for another App Bridge; the sandbox's admin uses it. */
	APP_BRIDGE_URL: url(["https", "http"], "http://127.0.0.1:4100/app-bridge.js").optional(),
	SANDBOX_UPSTREAMS: z.string().optional(),

	/** The first key seals, all of them open (R36). */
	LOCKSTEP_KEYS: keyRing,
	LOCKSTEP_DATA_DIR: z.string().default(".lockstep"),

	DATABASE_URL: url(["postgres", "postgresql"], "postgres://user:password@host:5432/lockstep").optional(),
	/** Connections of one process for its own queries; the budget is in docs/decisions and `npm run doctor` adds it up. */
	DATABASE_POOL_MAX: whole(4, 200).default(12),
	REDIS_URL: url(["redis", "rediss"], "redis://host:6379").optional(),
	WEB_PROCESSES: whole(1, 64).default(1),
	WORKER_PROCESSES: whole(1, 64).default(1),

	/** Where e-mails go out, and from whom. Not set: this server sends none, and the settings page says so. */
	SMTP_URL: url(["smtp", "smtps"], "smtps://user:password@mail.example.com").optional(),
	MAIL_FROM: z.string().max(200).optional(),

	/** How often orders are read that no webhook brought (R24: 15 to 60 minutes). The demo's day is short, so it asks more often. */
	ORDER_POLL_SECONDS: whole(5, 3_600).default(900),
	/** How often all stock is looked at. */
	STOCK_CHECK_SECONDS: whole(5, 86_400).default(3_600),
});

/** What the operator has registered with a channel: its id and the setting's key, `AMAZON_LWA_CLIENT_ID` for `lwaClientId`. */
export const appSettingName = (channelId: string, key: string): string =>
	`${channelId}_${key.replace(/([a-z0-9])([A-Z])/g, "$1_$2")}`.toUpperCase().replace(/[^A-Z0-9]+/g, "_");

/**
 * Of each channel all that it needs, or nothing: a channel of which nothing is set is simply not available on this server, and
 * one that is half set is a mistake that its operator should hear of now and not from a merchant.
 */
function readAppSettings(given: Record<string, string | undefined>): { settings: Record<string, AppSettings>; problems: string[] } {
	const settings: Record<string, AppSettings> = {};
	const problems: string[] = [];
	for (const { id, name, appSettings } of channels()) {
		const named = (appSettings ?? []).map((setting) => ({ ...setting, variable: appSettingName(id, setting.key) }));
		const set = named.filter(({ variable }) => given[variable] !== undefined);
		const missing = named.filter(({ optional, variable }) => !optional && given[variable] === undefined);
		if (set.length === 0) continue;
		if (missing.length === 0) settings[id] = Object.fromEntries(set.map(({ key, variable }) => [key, given[variable]?.trim() ?? ""]));
		const others = set.map(({ variable }) => variable).join(", ");
		for (const { variable } of missing) problems.push(`${variable} is missing: ${name} is set up halfway (${others}).`);
	}
	return { settings, problems };
}

function namesOf(raw: z.infer<typeof environment>, appSettings: Record<string, AppSettings>) {
	return {
		mode: raw.NODE_ENV,
		host: raw.HOST,
		port: raw.PORT,
		healthPort: raw.HEALTH_PORT,
		logLevel: raw.LOG_LEVEL,
		shopifyApiKey: raw.SHOPIFY_API_KEY,
		/** The present secret, and the one before it while Shopify rotates. Signatures by either are good. */
		shopifyApiSecrets: [raw.SHOPIFY_API_SECRET, raw.SHOPIFY_API_SECRET_PREVIOUS].filter((secret) => secret !== undefined) as [
			string,
			...string[],
		],
		appUrl: new URL(raw.SHOPIFY_APP_URL).origin,
		appBridgeUrl: raw.APP_BRIDGE_URL,
		keys: raw.LOCKSTEP_KEYS,
		dataDir: raw.LOCKSTEP_DATA_DIR,
		databaseUrl: raw.DATABASE_URL,
		databasePoolMax: raw.DATABASE_POOL_MAX,
		redisUrl: raw.REDIS_URL,
		webProcesses: raw.WEB_PROCESSES,
		workerProcesses: raw.WORKER_PROCESSES,
		mail: raw.SMTP_URL && raw.MAIL_FROM ? { url: raw.SMTP_URL, from: raw.MAIL_FROM } : null,
		orderPollMs: raw.ORDER_POLL_SECONDS * 1000,
		stockCheckMs: raw.STOCK_CHECK_SECONDS * 1000,
		/** By channel id; only those of which everything needed is set. */
		appSettings,
	};
}

/** What one variable alone cannot show. */
function rulesBroken(env: z.infer<typeof environment>): string[] {
	const loopback = /^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(env.HOST);
	const several = env.WEB_PROCESSES > 1 || env.WORKER_PROCESSES > 1;
	const rules: [broken: boolean, sentence: string][] = [
		[
			env.NODE_ENV === "production" && env.APP_BRIDGE_URL !== undefined,
			"APP_BRIDGE_URL must not be set in production: it replaces Shopify's App Bridge by the sandbox's.",
		],
		[
			env.NODE_ENV === "production" && env.SANDBOX_UPSTREAMS !== undefined,
			"SANDBOX_UPSTREAMS must not be set in production: it leads every request to the sandbox.",
		],
		[
			env.NODE_ENV === "production" && !env.SHOPIFY_APP_URL.startsWith("https://"),
			"SHOPIFY_APP_URL must start with https:// in production.",
		],
		[
			env.NODE_ENV !== "production" && !loopback,
			`HOST must be 127.0.0.1 outside production; ${env.HOST} would open the sandbox's set-up to the network.`,
		],
		[(env.SMTP_URL === undefined) !== (env.MAIL_FROM === undefined), "SMTP_URL and MAIL_FROM must be set both or not at all."],
		[
			several && env.DATABASE_URL === undefined,
			"DATABASE_URL must be set for more than one web or worker process: the embedded database belongs to one process.",
		],
	];
	return rules.filter(([broken]) => broken).map(([, sentence]) => sentence);
}

function sentenceOf(issue: z.core.$ZodIssue): string {
	const name = issue.path.join(".");
	return issue.code === "invalid_type" && issue.input === undefined ? `${name} is missing.` : `${name} ${issue.message}.`;
}
