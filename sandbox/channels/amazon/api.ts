import type { Region } from "./marketplaces.ts";
import type { Realm } from "./realm.ts";
import type { Seller } from "./state.ts";

/** One operation of the Selling Partner API. */
export type Route = {
	/** Its published `operationId`; also its name in books, faults and usage plans. */
	operation: string;
	method: string;
	path: RegExp;
	/** `grantless`: for the application itself, with a token of the notifications scope. */
	caller: "seller" | "grantless";
	run(call: Call): Answer | Promise<Answer>;
};

export type Call = {
	realm: Realm;
	region: Region;
	/** The seller whose token it is; a grantless operation has none. */
	seller: Seller;
	/** Decoded parts of the path. */
	path: string[];
	query: Query;
	body: unknown;
	/** Who is blamed in the books. */
	channel: string;
};

export type Answer = { status: number; body: unknown };

export const ok = (body: unknown, status = 200): Answer => ({ status, body });

/** `{"errors":[…]}` of every model. */
export const failure = (status: number, code: string, message: string, details = ""): Answer => ({
	status,
	body: { errors: [{ code, message, details }] },
});

/** Thrown by the readers of parameters: the request is wrong. */
export class BadRequest extends Error {
	answer: Answer;
	constructor(message: string, details = "") {
		super(message);
		this.answer = failure(400, "InvalidInput", message, details);
	}
}

export const CANNOT_PARSE = "Request has missing or invalid parameters and cannot be parsed.";

export type Query = {
	one(name: string): string | undefined;
	/** Comma-separated (collectionFormat csv, the models' default). */
	list(name: string, limits?: { known?: readonly string[]; max?: number }): string[] | undefined;
	moment(name: string): number | undefined;
	whole(name: string, limits: { min: number; max: number; otherwise: number }): number;
	/** Everything but what may differ between the pages of one search. */
	rest(but: readonly string[]): string;
};

export function readQuery(search: URLSearchParams): Query {
	const one = (name: string) => {
		const all = search.getAll(name);
		if (all.length > 1) throw new BadRequest(CANNOT_PARSE, `${name} is given more than once; lists are separated by commas.`);
		return all[0] === "" ? undefined : all[0];
	};
	return {
		one,
		list(name, { known, max } = {}) {
			const values = one(name)?.split(",");
			const unknown = known && values?.find((value) => !known.includes(value));
			if (unknown) throw new BadRequest(CANNOT_PARSE, `${name} has the unknown value ${unknown}.`);
			if (max !== undefined && values && values.length > max) throw new BadRequest(CANNOT_PARSE, `${name} has more than ${max} values.`);
			return values;
		},
		moment(name) {
			const text = one(name);
			if (text === undefined) return undefined;
			const at = ISO.test(text) ? Date.parse(text) : Number.NaN;
			if (Number.isNaN(at)) throw new BadRequest(CANNOT_PARSE, `${name} is not a date in ISO 8601 format.`);
			return at;
		},
		whole(name, { min, max, otherwise }) {
			const text = one(name);
			if (text === undefined) return otherwise;
			const value = Number(text);
			if (!Number.isInteger(value) || value < min || value > max)
				throw new BadRequest(CANNOT_PARSE, `${name} must be between ${min} and ${max}.`);
			return value;
		},
		rest: (but) =>
			[...search]
				.filter(([name]) => !but.includes(name))
				.sort()
				.join("&"),
	};
}

const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

export const record = (value: unknown): Record<string, unknown> | null =>
	typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
