import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fillShop } from "../kit/fill-shop.ts";
import {
	chromiumPath,
	NEXT_API_SECRET,
	openStage,
	PUBLIC_ORIGIN,
	SESSION_TOKEN_SECONDS,
	SHOP,
	STAGE_TIMEOUT_MS,
	type Stage,
} from "./stage.ts";

const PERSON = "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";
const STAFF = "548380009";

describe.skipIf(!chromiumPath)("R34 the app inside the admin's frame", () => {
	let stage: Stage;
	beforeAll(async () => {
		stage = await openStage();
	}, STAGE_TIMEOUT_MS);
	afterAll(() => stage?.close());

	const tokenFor = (seconds = SESSION_TOKEN_SECONDS) => stage.shopify.mintSessionToken({ shop: SHOP, userId: STAFF, seconds });
	const frameQuery = (token: string, shop = SHOP) =>
		new URLSearchParams({
			embedded: "1",
			shop,
			host: Buffer.from(`admin.shopify.com/store/${shop.split(".")[0]}`)
				.toString("base64")
				.replace(/=+$/, ""),
			id_token: token,
		});
	/** At the app's own port, with whatever Host header one likes. */
	const ask = (path: string, headers: Record<string, string> = {}) =>
		new Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: string }>((resolve, reject) => {
			const request = httpRequest(stage.appOrigin(), { path, headers: { "user-agent": PERSON, ...headers } }, (response) => {
				let body = "";
				response.setEncoding("utf8").on("data", (chunk) => {
					body += chunk;
				});
				response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
			});
			request.on("error", reject).end();
		});

	test("the first visit installs the shop; its two loaders share one token exchange", async () => {
		const before = stage.exchanges();
		const { app, complaints, close } = await stage.open();
		await app.getByText("Reading your products").waitFor();
		expect(stage.exchanges() - before).toBe(1);
		const { rows } = await stage.database.pool.query("SELECT domain, state FROM shop");
		expect(rows).toEqual([{ domain: SHOP, state: "installed" }]);
		await close();
		const again = await stage.open();
		await again.app.getByText("Reading your products").waitFor();
		expect(stage.exchanges() - before).toBe(1);
		expect([...complaints, ...again.complaints]).toEqual([]);
		await again.close();
	});

	test("a shop whose handing on failed after its token was stored is handed on at the next visit", async () => {
		const state = async () => (await stage.database.pool.query("SELECT state FROM connection WHERE is_home")).rows;
		expect(await state()).toEqual([{ state: "live" }]);
		await stage.database.pool.query("UPDATE connection SET state = 'connecting' WHERE is_home");
		const before = stage.exchanges();
		const { app, close } = await stage.open();
		await app.getByTestId("verdict").waitFor();
		expect(await state()).toEqual([{ state: "live" }]);
		expect(stage.exchanges()).toBe(before);
		await close();
	});

	test("R36 the token that Shopify gave lies sealed in the database", async () => {
		const { rows } = await stage.database.pool.query<{ row: string }>("SELECT session::text AS row FROM session");
		expect(rows).toHaveLength(1);
		expect(rows[0]?.row).not.toMatch(/shpat_|shprt_/);
	});

	test("only this shop's admin may frame the page, and no cookie is set", async () => {
		const page = await ask(`/app?${frameQuery(tokenFor())}`);
		expect(page.status).toBe(200);
		const policy = String(page.headers["content-security-policy"]);
		expect(policy).toContain(`frame-ancestors https://${SHOP} https://admin.shopify.com`);
		expect(policy).not.toContain("127.0.0.1");
		expect(page.headers["set-cookie"]).toBeUndefined();
		const nobody = await ask("/auth/login");
		expect(nobody.headers["content-security-policy"]).toBe("frame-ancestors 'none';");
		// The gateway stands in for the admin's address alone and loosens nothing else.
		const throughGateway = await fetch(new URL("/auth/login", stage.world.origin()), { headers: { "user-agent": PERSON } });
		expect(throughGateway.headers.get("content-security-policy")).toBe("frame-ancestors 'none';");
	});

	test("each shop's pages may be framed by that shop's admin alone, and they work in a browser that is left without a cookie", async () => {
		const other = "harbour-goods.myshopify.com";
		stage.shopify.createShop({ domain: other });
		const token = stage.shopify.mintSessionToken({ shop: other, userId: STAFF });
		const page = await ask(`/app?${frameQuery(token, other)}`);
		expect(page.status).toBe(200);
		const policy = String(page.headers["content-security-policy"]);
		expect(policy).toContain(`frame-ancestors https://${other} https://admin.shopify.com`);
		expect(policy).not.toContain(SHOP);
		expect(page.headers["set-cookie"]).toBeUndefined();
		await stage.database.pool.query("DELETE FROM session WHERE shop_domain = $1", [other]);
		await stage.database.pool.query("SELECT erase_shop(id) FROM shop WHERE domain = $1", [other]);

		const visit = await stage.open();
		await visit.app.getByTestId("verdict").waitFor();
		expect(await visit.page.context().cookies()).toEqual([]);
		expect(visit.complaints).toEqual([]);
		await visit.close();
	});

	test("a token of one shop opens that shop's page, whatever shop the address names (R37)", async () => {
		const other = "somebody-else.myshopify.com";
		const mine = await fillShop(stage.database.pool, SHOP, { listings: 3 });
		await fillShop(stage.database.pool, other, { listings: 7 });
		const answer = await ask(`/app/live/overview?shop=${other}`, { authorization: `Bearer ${tokenFor()}` });
		const overview = JSON.parse(answer.body) as { channels: { isHome: boolean; listings: number }[] };
		expect(overview.channels.find((channel) => !channel.isHome)?.listings).toBe(3);
		expect(mine.items).toHaveLength(3);
	});

	test("without a good token nothing is told: 401 with the wish to try again, or the way to get a token", async () => {
		const old = tokenFor(-3_600);
		const forged = `${tokenFor().slice(0, -4)}AAAA`;
		for (const token of [old, forged, "nonsense"]) {
			const data = await ask("/app/live/overview", { authorization: `Bearer ${token}` });
			expect([data.status, data.headers["x-shopify-retry-invalid-session-request"]]).toEqual([401, "1"]);
			const page = await ask(`/app?${frameQuery(token)}`);
			expect(page.status).toBe(302);
			expect(page.headers.location).toMatch(/^\/auth\/session-token\?/);
		}
	});

	test("the address that the app believes to have is configured, not told by the caller", async () => {
		const answer = await ask(`/app?${frameQuery("nonsense")}`, { host: "evil.example", "x-forwarded-host": "evil.example" });
		expect(decodeURIComponent(String(answer.headers.location))).toContain(`shopify-reload=${PUBLIC_ORIGIN}/app`);
		expect(JSON.stringify(answer.headers)).not.toContain("evil.example");
		expect((await ask("//evil.example/app")).headers.location ?? "").not.toContain("evil.example");
	});

	test("a page that comes with an expired token gets a new one by itself", async () => {
		stage.tokensLast(-3_600);
		const bounced: string[] = [];
		const opening = stage.open({
			onRequest(url) {
				if (!url.includes("/auth/session-token")) return;
				bounced.push(url);
				stage.tokensLast(SESSION_TOKEN_SECONDS);
			},
		});
		const { app, close } = await opening;
		await app.getByTestId("verdict").waitFor({ timeout: 15_000 });
		expect(bounced).toHaveLength(1);
		await close();
	});

	test("opened outside its frame, the app sends its visitor into the admin", async () => {
		const query = frameQuery(tokenFor());
		query.delete("embedded");
		expect((await ask(`/app?${query}`)).headers.location).toMatch(/^https:\/\/admin\.shopify\.com\/store\/northwind-outdoor\/apps\//);
		const { page, app, close } = await stage.open({ path: `/app?${query}` });
		await page.waitForURL(/\/store\/northwind-outdoor\/apps\/lockstep/);
		await page.frameLocator("#app-frame").getByTestId("verdict").waitFor();
		expect(app.url()).not.toContain("admin.shopify.com");
		await close();
	});

	test("a search engine is sent away, a person outside the admin is told where to go", async () => {
		const bot = await ask(`/app?${frameQuery(tokenFor())}`, { "user-agent": "Googlebot/2.1" });
		expect(bot.status).toBe(410);
		const root = await ask("/");
		expect([root.status, root.body.includes("Lockstep works inside the Shopify admin")]).toEqual([200, true]);
		expect((await ask(`/?shop=${SHOP}&host=abc`)).headers.location).toBe(`/app?shop=${SHOP}&host=abc`);
	});

	test("the App Bridge stand-in shows toasts and the title, knows who asks, and throws at what it does not play", async () => {
		const { page, app, close } = await stage.open();
		await app.getByTestId("verdict").waitFor();
		await app.evaluate(() => shopify.toast.show("Saved", { duration: 2_000 }));
		await page.getByRole("status").getByText("Saved").waitFor();
		expect(await app.evaluate(async () => (await shopify.user()).email)).toBe("sam@example.com");
		expect(await app.evaluate(async () => (await shopify.idToken()).split(".").length)).toBe(3);
		const thrown = await app.evaluate(() => {
			try {
				return String(shopify.resourcePicker);
			} catch (error) {
				return String(error);
			}
		});
		expect(thrown).toContain("shopify.resourcePicker is not simulated");
		await close();
	});

	test("R36 while Shopify's secret is rotated, pages open with the old one and with the new", async () => {
		const visit = async () => {
			const { app, close } = await stage.open();
			await app.getByTestId("verdict").waitFor();
			await close();
		};
		await visit();
		stage.shopify.rotateSecret(NEXT_API_SECRET);
		await stage.database.pool.query("DELETE FROM session");
		const before = stage.exchanges();
		await visit();
		expect(stage.exchanges() - before).toBe(1);
	});
});
