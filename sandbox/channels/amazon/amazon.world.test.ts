import { afterEach, expect, it } from "vitest";
import { installUpstreams, type Upstreams } from "../../preload.ts";
import { createWorld, type World } from "../../world.ts";
import { APP, IMMEDIATE } from "./contract/stage.ts";
import { type Amazon, createAmazon } from "./index.ts";

/** The stand-in as an app meets it: real names, https, the sandbox's own hurried clock. */
let world: World;
let upstreams: Upstreams | null = null;
afterEach(async () => {
	await upstreams?.restore();
	await world.close();
});

const HEADERS = { "user-agent": "Lockstep/1.0 (Language=TypeScript)", "x-amz-date": "20261121T100000Z" };

async function open(): Promise<Amazon> {
	world = createWorld({ seed: 3, speed: 600 });
	const amazon = createAmazon(world, { app: APP, ...IMMEDIATE, noticeMs: [1_000, 60_000], patchMs: [10_000, 60_000] });
	await world.listen();
	upstreams = installUpstreams(world.upstreams());
	return amazon;
}

it("an app finds every host under its real name, and a write shows a sandbox minute later", async () => {
	const amazon = await open();
	const seller = amazon.createSeller();
	seller.seed([{ sku: "TEA", quantity: 10 }]);
	const consent = `https://sellercentral.amazon.com/apps/authorize/consent?application_id=${APP.id}&state=s`;
	expect(await (await fetch(consent)).text()).toContain("Authorize an application");
	const back = new URL(String(amazon.answerConsent(consent, { allow: true })));
	const granted = await fetch("https://api.amazon.com/auth/o2/token", {
		method: "POST",
		body: new URLSearchParams({
			grant_type: "authorization_code",
			code: String(back.searchParams.get("spapi_oauth_code")),
			client_id: APP.clientId,
			client_secret: APP.clientSecret,
		}),
	});
	const { access_token } = (await granted.json()) as { access_token: string };
	const headers = { ...HEADERS, "x-amz-access-token": access_token, "content-type": "application/json" };
	const item = `https://sellingpartnerapi-na.amazon.com/listings/2021-08-01/items/${seller.id}/TEA?marketplaceIds=ATVPDKIKX0DER`;
	const patches = [
		{ op: "merge", path: "/attributes/fulfillment_availability", value: [{ fulfillment_channel_code: "DEFAULT", quantity: 4 }] },
	];
	const answer = await fetch(item, { method: "PATCH", headers, body: JSON.stringify({ productType: "PRODUCT", patches }) });
	expect([answer.status, await answer.json()]).toEqual([200, expect.objectContaining({ status: "ACCEPTED" })]);
	await expect.poll(() => seller.shown("TEA")).toBe(4);
	expect(world.books.violations("amazon")).toEqual([]);
	expect((await fetch("https://tortuga-prod-na.s3.amazonaws.com/none")).status).toBe(403);
	await expect(fetch("https://sqs.ap-south-1.amazonaws.com/")).rejects.toThrow();
});

it("twenty pollers at once get each of a hundred messages once", async () => {
	const amazon = await open();
	const queue = amazon.createQueue({ name: "busy" });
	const got: string[] = [];
	const poller = async () => {
		for (;;) {
			const messages = await queue.receive({ max: 10, waitMs: 120_000, visibilityS: 43_200 });
			if (messages.length === 0) return;
			for (const { body, receiptHandle } of messages) {
				got.push(body);
				queue.remove(receiptHandle);
			}
		}
	};
	const pollers = Array.from({ length: 20 }, poller);
	const sent = Array.from({ length: 100 }, (_, n) => String(n));
	for (const body of sent) {
		queue.send(body);
		await Promise.resolve();
	}
	await Promise.all(pollers);
	expect(got.toSorted((a, b) => Number(a) - Number(b))).toEqual(sent);
});

it("an account sells, cancels and ships by itself with realistic delays, and its figures agree with the books", async () => {
	world = createWorld({ seed: 5, speed: 1 });
	const amazon = createAmazon(world, { app: APP });
	const seller = amazon.createSeller();
	world.books.open("TEA", 500);
	seller.seed([{ sku: "TEA", quantity: 500 }]);
	for (let n = 0; n < 300; n++) seller.checkout({ lines: [{ sku: "TEA", quantity: 1 }] });
	const count = () => Object.groupBy(seller.orders(), ({ current }) => current.status);
	expect(count().PENDING).toHaveLength(300);
	world.clock.skip(31 * 60_000);
	await expect.poll(() => count().PENDING ?? []).toEqual([]);
	const unpaid = count().CANCELLED?.length ?? 0;
	expect(unpaid).toBeGreaterThan(0);
	expect(unpaid).toBeLessThan(20);
	world.clock.skip(48 * 3_600_000);
	await expect.poll(() => count().SHIPPED ?? []).toHaveLength(300 - unpaid);
	expect([seller.shown("TEA"), world.books.truth("TEA")]).toEqual([200 + unpaid, 200 + unpaid]);
	expect(world.books.outOfStep("amazon")).toEqual([]);
});
