import type { Step } from "./recordings.ts";
import { replay } from "./replay.ts";
import { catalogue, putOrder, setProduct } from "./scenes.ts";
import { createStage, type Stage, seconds } from "./stage.ts";

/** What a reader saw while one request was held up inside the store: only readings that differ from the one before. */
type Reading = {
	at: string;
	order: { status: string | null; date_modified_gmt: string | null; line_meta: Record<string, string>[]; refunds: number };
	product: { stock_quantity: number; date_modified_gmt: string };
};
export type WindowCase = {
	case: string;
	write_sent?: string;
	write_answered?: string;
	write?: Step["request"];
	write_response_status?: number;
	readings_that_differ_from_the_one_before?: Reading[];
	steps?: Step[];
};

type Scene = { productId: number; orderId: number; lineId: number; quantity: number; gap: string };

/** The pause was put into these places of the real store (`window_widened`). */
const PLACES: Scene[] = [
	{ productId: 49, orderId: 198, lineId: 41, quantity: 2, gap: "order.stock" },
	{ productId: 49, orderId: 198, lineId: 41, quantity: 2, gap: "refund.restocked" },
	{ productId: 49, orderId: 198, lineId: 41, quantity: 2, gap: "order.stock" },
	{ productId: 51, orderId: 200, lineId: 43, quantity: 3, gap: "line.stock" },
	{ productId: 51, orderId: 201, lineId: 44, quantity: 1, gap: "order.stock" },
];
const PAUSE_MS = 2_600;

export async function watchWindows(cases: readonly WindowCase[]) {
	const wrong: unknown[] = [];
	let compared = 0;
	for (const [index, window] of cases.entries()) {
		const place = PLACES[index];
		const found = place && window.write ? await watchOne(window, place) : await overlap(window.steps ?? []);
		compared += found.compared;
		if (found.wrong.length > 0) wrong.push({ case: window.case, differences: found.wrong });
	}
	return { wrong, compared };
}

async function watchOne(window: WindowCase, place: Scene) {
	const recorded = window.readings_that_differ_from_the_one_before ?? [];
	const stage = await createStage();
	const sentAt = Date.parse(window.write_sent ?? "");
	stage.setTime(window.write_sent ?? "");
	arrange(stage, recorded[0] as Reading, place);
	const ours: Reading[] = [await look(stage, place)];
	stage.onGap.run = async (where) => {
		if (where !== place.gap) return;
		ours.push(await look(stage, place));
		stage.setTime(new Date(sentAt + PAUSE_MS).toISOString());
	};
	const { method, path, body } = window.write as Step["request"];
	const reply = await stage.send({ method, path, headers: headers(), body: JSON.stringify(body) });
	stage.onGap.run = null;
	const creating = method === "POST" && path.endsWith("/orders");
	// Of a creation the recorder could not look at an order whose number it did not know yet.
	if (!creating) ours.push(await look(stage, place));
	await stage.close();
	const wrong: unknown[] = [];
	if (reply.status !== window.write_response_status) wrong.push({ status: reply.status, recorded: window.write_response_status });
	for (const [i, reading] of recorded.entries()) {
		const { at: _, ...theirs } = reading;
		const { at: __, ...mine } = ours[i] as Reading;
		if (!sameReading(theirs, mine)) wrong.push({ recorded: theirs, ours: mine });
	}
	return { wrong, compared: recorded.length + 1 };
}

/** Stamps made inside the request may be a second later, where the second turned. */
function sameReading(theirs: Omit<Reading, "at">, mine: Omit<Reading, "at">) {
	const stampless = ({ order, product }: Omit<Reading, "at">) =>
		JSON.stringify([order.status, order.line_meta, order.refunds, product.stock_quantity, order.date_modified_gmt === null]);
	const near = (a: string | null, b: string | null) => a === b || (a !== null && b !== null && Math.abs(seconds(a) - seconds(b)) <= 1);
	return (
		stampless(theirs) === stampless(mine) &&
		near(theirs.order.date_modified_gmt, mine.order.date_modified_gmt) &&
		near(theirs.product.date_modified_gmt, mine.product.date_modified_gmt)
	);
}

const KEY = Buffer.from("ck_00000000000000000000000000000000example1:cs_00000000000000000000000000000000example1").toString("base64");
const headers = () => ({ authorization: `Basic ${KEY}`, "content-type": "application/json", accept: "application/json" });

/** The state of the first reading. */
function arrange(stage: Stage, first: Reading, { productId, orderId, lineId, quantity }: Scene) {
	catalogue(stage);
	setProduct(stage, productId, { stock: first.product.stock_quantity, modifiedAt: seconds(first.product.date_modified_gmt) });
	stage.store.state.ids.post = orderId - 1;
	if (first.order.status === null) return;
	stage.store.state.ids.post = 300;
	const meta = Object.entries(first.order.line_meta[0] ?? {}).map(([key, value], i) => ({ id: 500 + i, key, value }));
	putOrder(stage, {
		id: orderId,
		status: first.order.status,
		modifiedAt: seconds(first.order.date_modified_gmt ?? ""),
		total: quantity,
		stockReduced: first.order.status !== "pending",
		lines: [{ id: lineId, productId, variationId: 0, name: "Bulk", quantity, subtotal: quantity, total: quantity, meta, booked: null }],
		refunds: Array.from({ length: first.order.refunds }, (_, i) => ({
			id: 199 + i,
			amount: 1,
			reason: "",
			createdAt: 0,
			full: false,
			metaId: 1,
			lines: [],
		})),
	});
}

async function look(stage: Stage, { productId, orderId }: Scene): Promise<Reading> {
	const read = async (path: string) =>
		JSON.parse((await stage.send({ method: "GET", path, headers: headers() })).text) as Record<string, unknown>[];
	const [order] = (await read(`/wp-json/wc/v3/orders?include=${orderId}`)) as unknown as OrderSeen[];
	const product = (await read(`/wp-json/wc/v3/products/${productId}`)) as unknown as { stock_quantity: number; date_modified_gmt: string };
	return {
		at: "",
		order: {
			status: order?.status ?? null,
			date_modified_gmt: order?.date_modified_gmt ?? null,
			line_meta: (order?.line_items ?? []).map((line) => Object.fromEntries(line.meta_data.map((meta) => [meta.key, meta.value]))),
			refunds: order?.refunds.length ?? 0,
		},
		product: { stock_quantity: product.stock_quantity, date_modified_gmt: product.date_modified_gmt },
	};
}

type OrderSeen = {
	status: string;
	date_modified_gmt: string;
	line_items: { meta_data: { key: string; value: string }[] }[];
	refunds: unknown[];
};

/** "an absolute write and a sale that overlap": each PUT is held up after it has read, until the order in between is made. */
async function overlap(steps: readonly Step[]) {
	const stage = await createStage();
	stage.setTime(steps[0]?.at ?? "");
	catalogue(stage, { 51: 10 });
	const wrong: unknown[] = [];
	for (let i = 0; i + 2 < steps.length; i += 3) {
		const [write, order, after] = steps.slice(i, i + 3) as [Step, Step, Step];
		// The store held 10, 10 and 10 before the three writes: put back in between by the recorder.
		setProduct(stage, 51, { stock: 10 });
		let release = () => {};
		const reached = new Promise<void>((arrived) => {
			stage.onGap.run = (where) => {
				if (where !== "product.read") return undefined;
				arrived();
				return new Promise<void>((resolve) => {
					release = resolve;
				});
			};
		});
		const held = replay(stage, write, new Set());
		await reached;
		stage.onGap.run = null;
		const ordered = await replay(stage, order, new Set());
		stage.setTime(new Date(Date.parse(write.at) + write.took_ms - 40).toISOString());
		release();
		const written = await held;
		const read = await replay(stage, after, new Set());
		for (const { step, differences } of [written, ordered, read]) if (differences.length > 0) wrong.push({ step: step.note, differences });
	}
	await stage.close();
	return { wrong, compared: steps.length };
}
