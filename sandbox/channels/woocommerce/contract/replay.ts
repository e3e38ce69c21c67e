import { type Difference, differences } from "./compare.ts";
import type { Step } from "./recordings.ts";
import { KEYS, type Reply, type Stage } from "./stage.ts";

/** Headers that are compared, absence included. `Date`, `Connection` and transport headers belong to the web server. */
const COMPARED = [
	"content-type",
	"x-robots-tag",
	"link",
	"location",
	"allow",
	"cache-control",
	"vary",
	"retry-after",
	"x-wp-total",
	"x-wp-totalpages",
];

export type Replayed = { step: Step; reply: Reply; differences: Difference[] };

export type Tuning = {
	/** A buyer's cart token for this step. */
	cartToken?: string;
	/** Replaces a body that the recording describes in words. */
	body?: unknown;
	/** The recorder kept only some fields of the entries and did not say so. */
	recordedFieldsOnly?: boolean;
	/** Fields that belong to that one store. */
	ignore?: RegExp;
};

/** Sends one recorded request and compares the answer. The store's counters are set so that new objects get the recorded numbers. */
export async function replay(stage: Stage, step: Step, crossed: Set<number>, tuning: Tuning = {}): Promise<Replayed> {
	const begun = Date.parse(step.at);
	const [from, to] = [Math.floor(begun / 1000), Math.floor((begun + step.took_ms) / 1000)];
	for (let second = from; second < to; second++) crossed.add(second % 60);
	stage.setTime(step.at);
	steerIds(stage, step.response.body);
	const reply = await stage.send(outgoing(step, tuning));
	return { step, reply, differences: compare(step, reply, crossed, tuning) };
}

function outgoing(step: Step, tuning: Tuning) {
	const { method, scheme, path, query, headers, body } = step.request;
	const sent: Record<string, string> = { accept: "application/json" };
	for (const [name, value] of Object.entries(headers)) sent[name.toLowerCase()] = value;
	const key = /<consumer_key:consumer_secret of the key (.+)>/.exec(sent.authorization ?? "")?.[1];
	if (key) {
		const [id, secret] = KEYS[key.includes("customer") ? "customer" : (key as keyof typeof KEYS)];
		sent.authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`;
	}
	if (tuning.cartToken) sent["cart-token"] = tuning.cartToken;
	const content = tuning.body ?? body;
	// The storefront recordings left out that the body was JSON.
	if (typeof content === "object" && content !== null) sent["content-type"] ??= "application/json";
	const text = content === null || content === undefined ? undefined : typeof content === "string" ? content : JSON.stringify(content);
	return {
		method,
		path: path + queryText(step, query),
		headers: sent,
		plain: scheme === "http",
		...(text === undefined ? {} : { body: text }),
	};
}

function queryText(step: Step, query: Step["request"]["query"]) {
	if (step.worked_example) return `?${step.worked_example.query_string_as_sent}`;
	const entries = Object.entries(query ?? {});
	return entries.length === 0 ? "" : `?${new URLSearchParams(entries.map(([name, value]): [string, string] => [name, String(value)]))}`;
}

/** New orders, refunds, lines, products and webhooks of the recorded answer get their recorded numbers. */
function steerIds(stage: Stage, body: unknown) {
	const { state } = stage.store;
	if (typeof body !== "object" || body === null || Array.isArray(body)) return;
	const object = body as {
		id?: number;
		order_id?: number;
		line_items?: { id: number; meta_data?: { key: string }[] }[];
		refunds?: { id: number }[];
		topic?: string;
	};
	const id = object.order_id || object.id;
	const refundIds = [...state.orders.values()].flatMap((order) => order.refunds.map((refund) => refund.id));
	const lineIds = [...state.orders.values()].flatMap((order) =>
		[...order.lines, ...order.refunds.flatMap((r) => r.lines)].map((line) => line.id),
	);
	if (object.topic && id && !state.webhooks.has(id)) state.ids.webhook = id - 1;
	else if (id && !state.orders.has(id) && !state.products.has(id) && !refundIds.includes(id)) state.ids.post = id - 1;
	const newRefund = object.refunds?.map((refund) => refund.id).filter((refund) => !refundIds.includes(refund)) ?? [];
	if (newRefund.length > 0 && id && state.orders.has(id)) state.ids.post = Math.min(...newRefund) - 1;
	const newLines = object.line_items?.map((line) => line.id).filter((line) => !lineIds.includes(line)) ?? [];
	if (newLines.length > 0) state.ids.item = Math.min(...newLines) - 1;
}

function compare(step: Step, reply: Reply, crossed: ReadonlySet<number>, tuning: Tuning): Difference[] {
	const { response } = step;
	const found: Difference[] = [];
	if (response.status !== reply.status) found.push({ path: "status", recorded: response.status, ours: reply.status });
	// The storefront recordings kept no headers.
	const headers = Object.entries(response.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
	if (headers.length > 0) {
		const recorded = new Map(headers);
		for (const name of COMPARED) {
			const ours = reply.headers[name];
			if (recorded.get(name) !== ours) found.push({ path: `header ${name}`, recorded: recorded.get(name), ours });
		}
	}
	found.push(...compareBody(step, reply, crossed, tuning));
	return tuning.ignore ? found.filter((difference) => !tuning.ignore?.test(difference.path)) : found;
}

function compareBody({ request, response }: Step, reply: Reply, crossed: ReadonlySet<number>, tuning: Tuning): Difference[] {
	if (typeof response.body === "string") {
		// An HTML page: that it is one, and the sentence on it, count; its style sheet does not.
		if (!/^\s*<!DOCTYPE/.test(response.body))
			return response.body === reply.text ? [] : [{ path: "text", recorded: response.body, ours: reply.text }];
		return /^\s*<!DOCTYPE html>/.test(reply.text) ? [] : [{ path: "html", recorded: "a page", ours: reply.text.slice(0, 80) }];
	}
	let ours: unknown;
	try {
		ours = JSON.parse(reply.text);
	} catch {
		return [{ path: "body", recorded: response.body, ours: reply.text.slice(0, 200) }];
	}
	const notes = request.path.endsWith("/notes");
	const cut = response.body_cut ?? "";
	const shown = /(\d+) (?:items, first \d+|of \d+) shown|items, first (\d+) shown/.exec(cut);
	if (shown) return compareCut(response.body, ours, cut, crossed);
	const recordedFieldsOnly = cut.startsWith("entries cut") || request.path.includes("/wc/store/") || tuning.recordedFieldsOnly === true;
	return differences(response.body, ours, { crossed, notes, recordedFieldsOnly });
}

/** A recording that kept only the first entries of a long list: those and the length are compared. */
function compareCut(recorded: unknown, ours: unknown, cut: string, crossed: ReadonlySet<number>): Difference[] {
	const pick = (body: unknown) => (Array.isArray(body) ? body : ((body as { update?: unknown[] }).update ?? []));
	const [theirs, mine] = [pick(recorded), pick(ours)];
	const total = Number(/^(\d+) items/.exec(cut)?.[1] ?? /of (\d+) shown/.exec(cut)?.[1]);
	const length = mine.length === total ? [] : [{ path: "length", recorded: total, ours: mine.length }];
	return [...length, ...differences(theirs, mine.slice(0, theirs.length), { crossed, recordedFieldsOnly: !Array.isArray(recorded) })];
}
