import { afterAll, beforeAll, expect, test } from "vitest";
import { foldProblemsOf } from "#dead-letters";
import { idOf, pressesOf } from "./presses.ts";
import { openTwoShops, STAFF, type TwoShops } from "./two-shops.ts";

const LONG_MS = 240_000;

let w: TwoShops;
beforeAll(async () => {
	w = await openTwoShops();
	// Whoever looks at failed updates adds up what opened and closed since: nothing that a person did.
	for (const { shopId } of [w.ours, w.theirs]) await foldProblemsOf(w.database.pool, shopId);
	await w.allow(w.ours.shopId, STAFF, "look");
}, LONG_MS);
afterAll(() => w?.close());

const everything = async () => [await w.fingerprint(w.ours.shopId), await w.fingerprint(w.theirs.shopId)];

test(
	"R40 who may look: every action of every page, each thing it does and by every method, is refused, and no row changes",
	async () => {
		const before = await everything();
		const wrong: unknown[] = [];
		const presses = pressesOf(w.ours, w.ours);
		for (const { path, body } of presses) {
			for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
				const { status } = await w.ask(path, { method, body });
				if (status !== 403) wrong.push([method, path, String(body), status]);
			}
		}
		expect(wrong).toEqual([]);
		expect(await everything()).toEqual(before);
	},
	LONG_MS,
);

test(
	"R40 who may look: what cannot be read is refused as well, before anybody looks at it",
	async () => {
		const before = await everything();
		const wrong: unknown[] = [];
		for (const path of new Set(pressesOf(w.ours, w.ours).map((press) => press.path))) {
			for (const body of [{ nonsense: true }, new URLSearchParams({ intent: "nonsense" })]) {
				const { status } = await w.ask(path, { body });
				if (status !== 403) wrong.push([path, String(body), status]);
			}
		}
		expect(wrong).toEqual([]);
		expect(await everything()).toEqual(before);
	},
	LONG_MS,
);

test(
	"R40 who may look: every page opens or says what is missing, a page without an action takes none, and no row changes",
	async () => {
		const before = await everything();
		const wrong: unknown[] = [];
		for (const route of w.routes.filter(({ path }) => path.startsWith("/app"))) {
			const path = route.path.replace(/:(\w+)/g, (_, param) => encodeURIComponent(idOf(route.path, param, w.ours)));
			const address = route.index ? `${path}?index` : path;
			if (route.hasLoader) {
				const { status } = await w.ask(address);
				if (status !== 200 && status !== 403) wrong.push(["GET", path, status]);
			}
			if (!route.hasAction && !w.routes.some((other) => other.hasAction && other.path === route.path)) {
				const { status } = await w.ask(address, { body: new URLSearchParams({ intent: "pause" }) });
				if (status < 400 || status >= 500) wrong.push(["POST", path, status]);
			}
		}
		expect(wrong).toEqual([]);
		expect(await everything()).toEqual(before);
	},
	LONG_MS,
);

test(
	"R40 who may operate tries failures again and does not correct what a message says",
	async () => {
		await w.allow(w.ours.shopId, STAFF, "operate");
		const [correct] = pressesOf(w.ours, w.ours).filter(({ intent }) => intent === "correct");
		const before = await everything();
		expect(await w.ask(correct?.path ?? "", { body: correct?.body })).toMatchObject({ status: 403 });
		expect(await everything()).toEqual(before);
		const [count] = pressesOf(w.ours, w.ours).filter(({ intent }) => intent === "count-again");
		expect(await w.ask(count?.path ?? "", { body: count?.body })).toMatchObject({ status: 200 });
	},
	LONG_MS,
);

test(
	"R40 the same presses by who may approve do change rows: it is the right that stops them",
	async () => {
		await w.allow(w.ours.shopId, STAFF, "approve");
		const before = await w.fingerprint(w.ours.shopId);
		for (const { path, body } of pressesOf(w.ours, w.ours).slice(0, 12)) {
			const { status } = await w.ask(path, { body });
			expect([path, String(body), status]).toEqual([path, String(body), 200]);
		}
		expect(await w.fingerprint(w.ours.shopId)).not.toEqual(before);
	},
	LONG_MS,
);
