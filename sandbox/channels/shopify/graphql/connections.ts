import { GraphQLError } from "graphql";
import type { Context } from "./context.ts";

/** Cursor pages, as the API makes them: a cursor is the last entry's id and sort value, so a page goes on where the order is, not where a row number was. */
export type PageArgs = {
	first?: number | null;
	after?: string | null;
	last?: number | null;
	before?: string | null;
	reverse?: boolean | null;
};
export type Sort<T> = (entry: T) => number | string;
type Edge<T> = { cursor: string; node: T };
export type Connection<T> = {
	nodes: T[];
	edges: Edge<T>[];
	pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
};

/** The largest page. */
const PAGE_MAX = 250;

export function connect<T>(
	entries: readonly T[],
	args: PageArgs,
	{ id, sort, context }: { id: (entry: T) => number; sort?: Sort<T>; context: Context },
): Connection<T> {
	const value = sort ?? id;
	const sign = args.reverse ? -1 : 1;
	const order = (a: [number | string, number], b: [number | string, number]) => sign * (compare(a[0], b[0]) || a[1] - b[1]);
	const key = (entry: T): [number | string, number] => [value(entry), id(entry)];
	const sorted = [...entries].sort((a, b) => order(key(a), key(b)));
	if (context.bulk) return page(sorted, { value, id, before: false, after: false });
	const { first, last } = args;
	if (typeof first !== "number" && typeof last !== "number")
		throw new GraphQLError("you must provide one of first or last", { extensions: { code: "BAD_REQUEST" } });
	for (const [name, size] of [
		["first", first],
		["last", last],
	] as const) {
		if (typeof size === "number" && size > PAGE_MAX)
			throw new GraphQLError(`${name} cannot exceed ${PAGE_MAX}`, { extensions: { code: "BAD_REQUEST" } });
		if (typeof size === "number" && size < 0) throw new GraphQLError(`${name} cannot be negative`, { extensions: { code: "BAD_REQUEST" } });
	}
	const after = args.after ? decode(args.after) : null;
	const before = args.before ? decode(args.before) : null;
	const within = sorted.filter((entry) => (!after || order(key(entry), after) > 0) && (!before || order(key(entry), before) < 0));
	const cut = typeof first === "number" ? within.slice(0, first) : within.slice(Math.max(0, within.length - (last ?? 0)));
	const skippedBefore = typeof first === "number" ? after !== null && sorted.length > within.length : within.length > cut.length;
	const leftAfter = typeof first === "number" ? within.length > cut.length : before !== null && sorted.length > within.length;
	return page(cut, { value, id, before: skippedBefore, after: leftAfter });
}

function page<T>(
	entries: T[],
	{ value, id, before, after }: { value: Sort<T>; id: (entry: T) => number; before: boolean; after: boolean },
): Connection<T> {
	const edges = entries.map((node) => ({ node, cursor: encode([value(node), id(node)]) }));
	return {
		nodes: entries,
		edges,
		pageInfo: {
			hasNextPage: after,
			hasPreviousPage: before,
			startCursor: edges[0]?.cursor ?? null,
			endCursor: edges.at(-1)?.cursor ?? null,
		},
	};
}

const encode = ([value, id]: [number | string, number]) =>
	Buffer.from(JSON.stringify({ last_id: id, last_value: value })).toString("base64");

function decode(cursor: string): [number | string, number] {
	try {
		const { last_id, last_value } = JSON.parse(Buffer.from(cursor, "base64").toString()) as {
			last_id: number;
			last_value: number | string;
		};
		if (typeof last_id === "number") return [last_value, last_id];
	} catch {
		// Falls through to the refusal: a cursor that we did not make.
	}
	throw new GraphQLError("Invalid cursor for current pagination sort.", { extensions: { code: "BAD_REQUEST" } });
}

function compare(a: number | string, b: number | string): number {
	if (typeof a === "number" && typeof b === "number") return a - b;
	return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

/** `count` stops at `limit`, and says so. */
export function counted(size: number, limit: number | null | undefined): { count: number; precision: "EXACT" | "AT_LEAST" } {
	return typeof limit === "number" && size > limit ? { count: limit, precision: "AT_LEAST" } : { count: size, precision: "EXACT" };
}
