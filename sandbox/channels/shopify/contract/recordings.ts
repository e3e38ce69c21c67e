import { existsSync, readFileSync } from "node:fs";

/** The recorded answers of a live development store (2026-04), where they are present. */
const FOLDER = new URL("../../../../../shared/contracts/shopify/recorded-2026-04/", import.meta.url);

export const recordingsPresent = existsSync(FOLDER);

// biome-ignore lint/suspicious/noExplicitAny: a recording is read as it lies; the comparison is what checks it.
export type Recorded = any;

export const readRecording = (name: string): Recorded => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8"));

export type Answer = { data?: Record<string, unknown> | null; errors?: unknown[]; extensions?: { cost?: Record<string, unknown> } };

/** Every recorded answer in a file, wherever it lies: an object that holds nothing but data, errors and extensions. */
export function answersIn(value: unknown): Answer[] {
	if (value === null || typeof value !== "object") return [];
	if (Array.isArray(value)) return value.flatMap(answersIn);
	const keys = Object.keys(value);
	const isAnswer =
		keys.length > 0 && keys.every((key) => ["data", "errors", "extensions"].includes(key)) && ("data" in value || "errors" in value);
	// A bare `data` that only tells of the schema (introspection) is an answer as well.
	return isAnswer ? [value as Answer] : Object.values(value).flatMap(answersIn);
}

/** Root fields of an answer: what was asked. */
export function rootsOf(answer: Answer): string[] {
	const fromErrors = (answer.errors ?? []).flatMap((error) => ((error as { path?: string[] }).path ?? []).slice(-1));
	return [...new Set([...Object.keys(answer.data ?? {}), ...fromErrors])];
}

/** Kinds whose ids the store gives out anew at each run. */
const GIVEN_OUT = ["WebhookSubscription", "InventoryAdjustmentGroup", "BulkOperation", "Job"];
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** Recorded ids and ours, paired when first met; after that they must stay a pair. */
export type Pairs = Map<string, string>;

export function translate<T>(value: T, pairs: Pairs): T {
	let text = JSON.stringify(value ?? null);
	for (const [recorded, ours] of pairs) text = text.replaceAll(recorded, ours);
	return JSON.parse(text) as T;
}

/**
 * Differences between a recorded value and ours, field by field. Times need only have the same form; ids that the store gives
 * out are paired; `except` names fields (by name) that depend on something that was not recorded.
 */
export function differences(recorded: unknown, ours: unknown, pairs: Pairs, except: readonly string[] = [], path = ""): string[] {
	if (typeof recorded === "string" && typeof ours === "string") {
		if (TIME.test(recorded) && TIME.test(ours)) return [];
		const kind = /^gid:\/\/shopify\/(\w+)\//.exec(recorded)?.[1] ?? "";
		if (GIVEN_OUT.includes(kind) && ours.startsWith(`gid://shopify/${kind}/`) && !pairs.has(recorded)) {
			pairs.set(recorded, ours);
			return [];
		}
		if (sameCursor(recorded, ours)) return [];
		return translate(recorded, pairs) === ours ? [] : [`${path}: ${JSON.stringify(ours)} instead of ${JSON.stringify(recorded)}`];
	}
	if (Array.isArray(recorded) && Array.isArray(ours)) {
		if (recorded.length !== ours.length) return [`${path}: ${ours.length} entries instead of ${recorded.length}`];
		return recorded.flatMap((entry, index) => differences(entry, ours[index], pairs, except, `${path}[${index}]`));
	}
	if (
		recorded !== null &&
		ours !== null &&
		typeof recorded === "object" &&
		typeof ours === "object" &&
		!Array.isArray(recorded) &&
		!Array.isArray(ours)
	) {
		const keys = new Set([...Object.keys(recorded), ...Object.keys(ours)].filter((key) => !except.includes(key)));
		return [...keys].flatMap((key) =>
			differences(
				(recorded as Record<string, unknown>)[key],
				(ours as Record<string, unknown>)[key],
				pairs,
				except,
				path ? `${path}.${key}` : key,
			),
		);
	}
	return Object.is(recorded, ours) ? [] : [`${path}: ${JSON.stringify(ours)} instead of ${JSON.stringify(recorded)}`];
}

/** Found by id, a recorded cursor carries its time as text to the microsecond; ours is the same position to the second. */
function sameCursor(recorded: string, ours: string): boolean {
	const [theirs, mine] = [recorded, ours].map((cursor) =>
		cursor.startsWith("eyJsYXN0X2lk") ? JSON.parse(Buffer.from(cursor, "base64").toString()) : null,
	);
	if (!theirs || !mine || theirs.last_id !== mine.last_id) return false;
	const position =
		typeof theirs.last_value === "string" ? Math.floor(Date.parse(`${theirs.last_value}Z`) / 1000) * 1000 : theirs.last_value;
	return position === mine.last_value;
}

/** The fields that an answer shows, as a selection: for recordings that kept the variables and the answer, but not the request's text. */
export function selectionOf(value: unknown, args: Record<string, string> = {}): string {
	const sample = Array.isArray(value) ? merge(value) : value;
	if (sample === null || typeof sample !== "object") return "";
	const fields = Object.entries(sample).map(
		([name, inner]) => `${name}${args[name] ?? ""} ${name === "endpoint" ? ENDPOINT : selectionOf(inner, args)}`,
	);
	return `{ ${fields.join(" ")} }`;
}

const ENDPOINT = "{ __typename ... on WebhookHttpEndpoint { callbackUrl } }";
const merge = (list: unknown[]) => Object.assign({}, ...list.filter((entry) => entry !== null && typeof entry === "object")) as unknown;
