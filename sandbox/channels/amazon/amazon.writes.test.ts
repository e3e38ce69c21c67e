import { describe, expect, it, vi } from "vitest";
import type { Json } from "./contract/stage.ts";
import { availability, figure, open, patch, read, rules, stage, TEA } from "./contract/visit.ts";

describe("what becomes of an accepted write", () => {
	it("it may be refused later: the figure stays and the listing carries an issue, until a write succeeds", async () => {
		await open({ patchMs: [10_000, 10_000] });
		stage.seller.seed([TEA]);
		stage.amazon.nextSubmission({ kind: "refused-later" });
		expect((await patch("TEA", availability(4))).json.status).toBe("ACCEPTED");
		await stage.pass(10_000);
		const { json } = await read("TEA");
		expect([json.fulfillmentAvailability[0].quantity, json.issues.map((i: Json) => i.severity)]).toEqual([10, ["ERROR"]]);
		await patch("TEA", availability(4));
		await stage.pass(10_000);
		expect([await figure("TEA"), (await read("TEA")).json.issues]).toEqual([4, []]);
	});

	it("it is without effect when the offer is gone by then", async () => {
		await open({ patchMs: [10_000, 10_000] });
		stage.seller.seed([TEA]);
		await stage.subscribe("LISTINGS_ITEM_MFN_QUANTITY_CHANGE");
		await patch("TEA", availability(4));
		stage.seller.deleteListing("TEA");
		await stage.pass(10_000);
		expect([await stage.drain(), stage.world.books.shown("amazon", "TEA"), (await read("TEA")).status]).toEqual([[], 0, 404]);
	});

	it("it may be overtaken by a newer one and land on top of it", async () => {
		await open({ patchMs: [1_000, 1_000] });
		stage.seller.seed([TEA]);
		stage.amazon.nextSubmission({ kind: "overtaken", delayMs: 60_000 });
		await patch("TEA", availability(3));
		await patch("TEA", availability(7));
		await stage.pass(1_000);
		expect(await figure("TEA")).toBe(7);
		await stage.pass(59_000);
		expect(await figure("TEA")).toBe(3);
	});
});

describe("faults", () => {
	it("FAIL-429 and FAIL-500 misbehave without any set-up", async () => {
		await open();
		stage.seller.seed([TEA, { sku: "FAIL-429", quantity: 1 }, { sku: "FAIL-500", quantity: 1 }]);
		expect([(await patch("FAIL-429", availability(1))).status, (await read("FAIL-500")).status, (await read("TEA")).status]).toEqual([
			429, 500, 200,
		]);
		expect(rules()).toEqual([]);
	});

	it.each([
		[429, "QuotaExceeded"],
		[500, "InternalFailure"],
		[503, "ServiceUnavailable"],
	] as const)("answers %i as told, once, for one operation", async (status, code) => {
		await open();
		stage.seller.seed([TEA]);
		stage.world.faults.next("amazon", 1, { kind: "status", status }, (operation) => operation === "patchListingsItem");
		expect((await read("TEA")).status).toBe(200);
		const refused = await patch("TEA", availability(1));
		expect([refused.status, refused.json.errors[0].code, stage.seller.shown("TEA")]).toEqual([status, code, 10]);
		expect((await patch("TEA", availability(1))).status).toBe(200);
		expect([
			rules(),
			stage.world.books
				.calls("amazon")
				.filter((c) => c.operation === "patchListingsItem")
				.map((c) => c.status),
		]).toEqual([[], [status, 200]]);
	});

	it("answers with a gateway's page, or slowly", async () => {
		await open();
		stage.seller.seed([TEA]);
		await read("TEA");
		stage.world.faults.next("amazon", 1, { kind: "html" });
		const page = await read("TEA");
		expect([page.status, page.headers["content-type"], page.json]).toEqual([200, "text/html", null]);
		stage.world.faults.next("amazon", 1, { kind: "slow", delayMs: 5_000 });
		let answered = false;
		const slow = patch("TEA", availability(1)).then((reply) => {
			answered = true;
			return reply;
		});
		while (!answered) await stage.pass(1_000);
		const took = stage.world.books.calls("amazon").at(-1)?.tookMs ?? 0;
		expect([(await slow).status, took >= 5_000 && took <= 6_000, stage.seller.shown("TEA")]).toEqual([200, true, 1]);
	});

	it("a silent write had its effect or had none, and an old one lands late", async () => {
		await open();
		stage.seller.seed([TEA]);
		const silent = () => stage.world.books.calls("amazon").filter((c) => c.status === 0).length;
		await read("TEA");
		stage.world.faults.next("amazon", 1, { kind: "timeout", effect: "none" });
		patch("TEA", availability(1)).catch(() => {});
		await vi.waitFor(() => expect(silent()).toBe(1));
		expect(stage.seller.shown("TEA")).toBe(10);
		stage.world.faults.next("amazon", 1, { kind: "timeout", effect: "before" });
		patch("TEA", availability(2)).catch(() => {});
		await vi.waitFor(() => expect(silent()).toBe(2));
		expect(stage.seller.shown("TEA")).toBe(2);
		stage.world.faults.next("amazon", 1, { kind: "lands-late", delayMs: 20_000 });
		await expect(patch("TEA", availability(3))).rejects.toThrow();
		await patch("TEA", availability(4));
		expect(stage.seller.shown("TEA")).toBe(4);
		await stage.pass(20_000);
		await vi.waitFor(() => expect(stage.seller.shown("TEA")).toBe(3));
	});
});
