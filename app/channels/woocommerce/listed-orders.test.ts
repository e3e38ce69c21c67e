import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { CannedAnswer, SentRequest } from "../../../tests/kit/replay.ts";
import { collect, gmt, openWooReplay, T0, type WooReplay } from "../../../tests/kit/woo-replay.ts";

let replay: WooReplay["replay"];
let client: WooReplay["client"];
let begin: WooReplay["begin"];
beforeAll(async () => {
	({ replay, client, begin } = await openWooReplay());
});
afterAll(() => replay.close());
beforeEach(() => begin());

type Row = { id: number; modified: number; status?: string };
const body = ({ id, modified, status = "processing" }: Row) => ({
	id,
	number: String(id),
	status,
	date_created_gmt: gmt(0),
	date_modified_gmt: gmt(modified),
	line_items: [],
});
/** A store's list as measured: bounds exclusive and in seconds, sorted, cut to pages, ties in an order of its own. */
const storeOf = (rows: () => Row[], before: (request: SentRequest) => void = () => {}) =>
	replay.answer((request): CannedAnswer => {
		before(request);
		const ask = request.url.searchParams;
		const bound = (name: string) => (ask.has(name) ? Date.parse(`${ask.get(name)}Z`) : undefined);
		const [after, until] = [bound("modified_after") ?? 0, bound("modified_before") ?? Number.POSITIVE_INFINITY];
		const at = (row: Row) => T0 + row.modified * 1000;
		const byId = ask.get("orderby") === "id";
		const found = rows()
			.filter((row) => at(row) > after && at(row) < until && (row.status === "trash") === (ask.get("status") === "trash"))
			.sort((a, b) => (byId ? a.id - b.id : at(a) - at(b) || ((a.id * 7919) % 101) - ((b.id * 7919) % 101)));
		const [size, page] = [Number(ask.get("per_page")), Number(ask.get("page") ?? 1)];
		return { headers: { "x-wp-total": String(found.length) }, body: found.slice((page - 1) * size, page * size).map(body) };
	});
const listed = async (since: string) =>
	(await collect(client.listOrders({ since }))).flatMap((page) => page.orders.map((order) => Number(order.orderId)));

test("R24 every order from `since` on, also those of that very second, none twice", async () => {
	const rows = Array.from({ length: 350 }, (_, i) => ({ id: 1000 - i, modified: Math.floor(i / 3) }));
	storeOf(() => rows);
	const ids = await listed(`${gmt(10)}.400Z`);
	expect(ids.length).toBe(new Set(ids).size);
	expect(new Set(ids)).toEqual(new Set(rows.filter((row) => row.modified >= 10).map((row) => row.id)));
});

test("R24 a bulk edit: 730 orders of one second, others before and after", async () => {
	const rows = Array.from({ length: 900 }, (_, i) => ({ id: i + 1, modified: i < 90 ? i : i < 820 ? 100 : 101 + i }));
	storeOf(() => rows);
	const ids = await listed(`${gmt(0)}Z`);
	expect(new Set(ids)).toEqual(new Set(rows.map((row) => row.id)));
	expect(replay.requests.length).toBeLessThan(40);
});

test("R24 orders that change while the list is walked are not skipped, and neither are their neighbours", async () => {
	for (const byId of [false, true]) {
		const rows: Row[] = Array.from({ length: 400 }, (_, i) => ({ id: i + 1, modified: byId ? 5 : Math.floor(i / 2) }));
		let asked = 0;
		storeOf(
			() => rows,
			() => {
				asked++;
				// Rows that were already read move to the end, or leave for the trash.
				for (const row of rows.slice((asked - 1) * 20, asked * 20)) row.modified = 1000 + asked;
				const gone = rows[asked * 30];
				if (gone && gone.modified < 1000) gone.status = "trash";
			},
		);
		const ids = new Set(await listed(`${gmt(0)}Z`));
		expect(rows.filter((row) => row.status !== "trash" && !ids.has(row.id))).toEqual([]);
	}
});

test("R24 a store that refuses orderby=modified, and one that does not keep to it, are walked by id until nothing is new", async () => {
	for (const mode of ["refuses", "ignores"]) {
		const rows: Row[] = Array.from({ length: 330 }, (_, i) => ({ id: i + 1, modified: (i * 37) % 200 }));
		let asked = 0;
		storeOf(
			() => rows,
			() => {
				asked++;
				if (asked === 3) for (const row of rows.slice(0, 40)) row.status = "trash";
			},
		);
		const answerByStore = replay.current();
		replay.answer((request) => {
			if (request.url.searchParams.get("orderby") !== "modified") return answerByStore(request);
			if (mode === "refuses") {
				return { status: 400, body: { code: "rest_invalid_param", message: "Invalid parameter(s): orderby", data: { status: 400 } } };
			}
			return { headers: { "x-wp-total": "330" }, body: rows.slice(0, 100).map(body) };
		});
		const ids = new Set(await listed(`${gmt(0)}Z`));
		expect(rows.filter((row) => row.status !== "trash" && !ids.has(row.id))).toEqual([]);
	}
});

test("R24 the last page's time covers only what was surely read: by id, that is when the pass began", async () => {
	const rows: Row[] = Array.from({ length: 250 }, (_, i) => ({ id: i + 1, modified: 5 }));
	let second = 100;
	storeOf(
		() => rows,
		() => replay.setDate(new Date(T0 + second++ * 1000).toISOString()),
	);
	const answerByStore = replay.current();
	replay.answer((request) =>
		request.url.searchParams.get("orderby") === "modified"
			? { status: 400, body: { code: "rest_invalid_param", message: "Invalid parameter(s): orderby", data: { status: 400 } } }
			: answerByStore(request),
	);
	const pages = await collect(client.listOrders({ since: `${gmt(0)}Z` }));
	const times = pages.map((page) => Date.parse(page.channelTime));
	// Two passes of three pages: each pass has one time, its first page's. Then the trash.
	expect(new Set(times.slice(0, -1)).size).toBe(2);
	expect(times.at(-2)).toBeLessThanOrEqual(T0 + 103_000);
});

test("R32 an order with a plugin's status is named beside the others, and the poll goes on", async () => {
	storeOf(() => [
		{ id: 1, modified: 1 },
		{ id: 2, modified: 2, status: "packed" },
		{ id: 3, modified: 3, status: "checkout-draft" },
		{ id: 4, modified: 4 },
	]);
	const [page] = await collect(client.listOrders({ since: `${gmt(0)}Z` }));
	expect(page?.orders.map((order) => order.orderId)).toEqual(["1", "4"]);
	expect(page?.unreadable).toMatchObject([
		{ orderId: "2", error: { errorClass: "unexpected-shape", message: expect.stringContaining('"packed"') } },
	]);
});

test("R24 R32 a store that answers the same page for every page number ends the poll with an error, not never and not in silence", async () => {
	const rows: Row[] = Array.from({ length: 250 }, (_, i) => ({ id: i + 1, modified: 5 }));
	let asked = 0;
	replay.answer(() => ({ headers: { "x-wp-total": "250" }, body: ++asked > 50 ? [] : rows.slice(0, 100).map(body) }));
	await expect(listed(`${gmt(0)}Z`)).rejects.toMatchObject({
		errorClass: "unexpected-shape",
		message: expect.stringContaining("repeats"),
	});
	expect(asked).toBeLessThan(6);
});

test("R24 an order that was moved to the trash before anybody heard of it is listed with the units that it keeps", async () => {
	storeOf(() => [
		{ id: 1, modified: 1 },
		{ id: 2, modified: 2, status: "trash" },
	]);
	expect(await listed(`${gmt(0)}Z`)).toEqual([1, 2]);
});

test("an empty answer still tells until when nothing happened", async () => {
	storeOf(() => []);
	const pages = await collect(client.listOrders({ since: `${gmt(0)}Z` }));
	expect(pages.flatMap((page) => page.orders)).toEqual([]);
	expect(Date.parse(pages[0]?.channelTime ?? "")).toBeLessThanOrEqual(T0 + 3_600_000);
});
