import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFailed, onTestFinished, test } from "vitest";
import { type AdminGateway, createAdminGateway } from "../../sandbox/admin/index.ts";
import { adminView } from "../../sandbox/channels/shopify/index.ts";
import { APP_ORIGIN, createOutside, type Outside, SHOP_DOMAIN } from "../../sandbox/demo/outside.ts";
import { startApp } from "../../sandbox/demo/processes.ts";
import { buildApp } from "../../scripts/build.ts";
import { chromiumPath, picturePath, STAGE_TIMEOUT_MS } from "./stage.ts";

const STAFF_ID = 548_380_009;
const ROOT = "/store/hagi-and-oak";
/** Watched from the beginning: the first of the catalogue. */
const SKU = "TEA-01-50G";
/** Workers on a busy machine; a figure that was typed by hand is found by the regular look at all stock. */
const SOON = { timeout: 120_000 };
const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

type App = Awaited<ReturnType<typeof startApp>>;

/** The demo's shop of 500 SKUs, its real processes, WooCommerce live, and Amazon beside them that nobody has connected. */
describe.skipIf(!chromiumPath)("a person plays the whole sandbox", () => {
	let outside: Outside;
	let gateway: AdminGateway;
	let app: App;
	let browser: Browser;
	beforeAll(async () => {
		await buildApp();
		outside = await createOutside({
			seed: 7,
			channels: ["shopify", "woocommerce", "amazon"],
			toml: fileURLToPath(new URL("../../shopify.app.toml", import.meta.url)),
		});
		gateway = createAdminGateway(outside.world, {
			shop: adminView(outside.shop),
			mintSessionToken: (staff) => outside.shopify.mintSessionToken({ ...staff, userId: STAFF_ID }),
			appPublicOrigin: APP_ORIGIN,
			appLocalOrigin: () => app.origin(),
			channels: [{ id: "shopify", name: "Shopify" }, ...outside.markets.map(({ id, name }) => ({ id, name }))],
			markets: outside.markets,
			breakages: [
				{
					id: "kill-web",
					group: "Lockstep",
					label: "Kill the web process",
					explanation: "",
					press: () => app.killWeb().then(() => "Killed"),
				},
			],
		});
		app = await startApp({ upstreams: outside.world.upstreams(), appBridgeUrl: gateway.appBridgeUrl(), say: () => {} });
		outside.world.route(APP_ORIGIN, app.origin());
		browser = await chromium.launch({ executablePath: chromiumPath ?? "", args: ["--no-sandbox", "--disable-gpu"] });
		const opened = await open("/apps/lockstep");
		await until("the products are read", async () =>
			JSON.parse(await app.run("scripts/shops.ts", [])).some((shop: { import: string }) => shop.import === "done"),
		);
		await opened.page.context().close();
		await app.run("scripts/connect.ts", [
			...["--shop", SHOP_DOMAIN, "--channel", "woocommerce", ...((await outside.markets[0]?.connectArgs()) ?? []), "--go-live"],
		]);
		// The store tells of every figure of the first push, one after another; a sale's own message would wait behind them.
		const isCalm = () => outside.world.books.outOfStep("woocommerce").length === 0 && outside.markets[0]?.waiting() === 0;
		await until("WooCommerce is in step, and has said so", isCalm);
	}, STAGE_TIMEOUT_MS);
	afterAll(async () => {
		await browser?.close();
		await app?.stop();
		await outside?.world.close();
	});

	const until = async (what: string, isSo: () => boolean | Promise<boolean>) => {
		for (const end = Date.now() + SOON.timeout; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200)))
			if (await isSo()) return;
		throw new Error(`It never came to this: ${what}`);
	};

	async function open(path: string, width = 1280): Promise<{ page: Page; complaints: string[] }> {
		const context = await browser.newContext({ viewport: { width, height: width < 500 ? 844 : 900 }, userAgent: USER_AGENT });
		const page = await context.newPage();
		const complaints: string[] = [];
		// A refusal is an HTTP 422, which the browser writes to its console.
		page.on("console", (message) => {
			if (["error", "warning"].includes(message.type()) && !message.text().includes("422")) complaints.push(message.text());
		});
		page.on("pageerror", (error) => complaints.push(String(error)));
		await page.goto(`${outside.world.origin()}${ROOT}${path}`);
		return { page, complaints };
	}
	const visit = async (path: string, width?: number) => {
		const opened = await open(path, width);
		onTestFailed(() => void process.stderr.write(`The page's complaints: ${JSON.stringify(opened.complaints)}\n`));
		onTestFinished(() => opened.page.context().close());
		return opened;
	};
	const figure = (page: Page, channel: string) => page.locator(`.watch-figures [data-channel=${channel}]`);
	const shown = (channel: string, sku = SKU) => outside.world.books.shown(channel, sku) ?? Number.NaN;

	test("an order on the WooCommerce page lowers Shopify's figure on the same screen, and says after how long", SOON, async () => {
		const { page, complaints } = await visit("/channels/woocommerce");
		const before = shown("shopify");
		expect(await figure(page, "shopify").locator("b").innerText()).toBe(String(before));
		await page.getByLabel("Product", { exact: true }).fill(SKU);
		await page.getByLabel("Quantity", { exact: true }).fill("3");
		await page.getByRole("button", { name: "Place order" }).click();
		await page.getByText(/WooCommerce order \d+: 3 × Assam/).waitFor();
		await figure(page, "shopify")
			.getByText(String(before - 3), { exact: true })
			.waitFor(SOON);
		expect(await figure(page, "shopify").locator("small").innerText()).toMatch(/^followed in \d+\.\d s$/);
		expect(await figure(page, "woocommerce").innerText()).toContain("it happened here");
		await page.screenshot({ path: picturePath("sandbox-channel") });
		expect(outside.available(SKU)).toBe(before - 3);

		// Shopify's own history of that product names the app.
		const id = outside.shop.idsOf(SKU).variant;
		await page.goto(`${outside.world.origin()}${ROOT}/products/${id}`);
		const row = page.getByRole("row", { name: /Adjusted by an app/ });
		expect(await row.first().innerText()).toMatch(/Lockstep[\s\S]*\(-3\)/);
		await page.screenshot({ path: picturePath("sandbox-product") });
		expect(complaints).toEqual([]);
	});

	test("the order is cancelled there, and the pieces are back in Shopify", SOON, async () => {
		const { page, complaints } = await visit("/channels/woocommerce");
		const before = shown("shopify");
		await page
			.getByRole("button", { name: /^Cancel order/ })
			.first()
			.click();
		await figure(page, "shopify")
			.getByText(String(before + 3), { exact: true })
			.waitFor(SOON);
		expect(complaints).toEqual([]);
	});

	test("a sale at the till of one location lowers the store; what is not there is refused unless the staff insists", SOON, async () => {
		const { page, complaints } = await visit("/orders");
		const before = shown("woocommerce");
		const sell = async (quantity: number) => {
			await page.getByLabel("Product", { exact: true }).fill(SKU);
			await page.getByLabel("Quantity", { exact: true }).fill(String(quantity));
			await page.getByLabel("Sold by").selectOption({ label: "Point of Sale: Shop floor" });
			await page.getByRole("button", { name: "Place order" }).click();
		};
		await sell(2);
		await page.getByText(/Order #\d+ at Shop floor: 2 × Assam/).waitFor();
		await figure(page, "woocommerce")
			.getByText(String(before - 2), { exact: true })
			.waitFor(SOON);
		await sell(99);
		await page.getByText(/^Only \d+ of TEA-01-50G are left\.$/).waitFor();
		expect(outside.available(SKU)).toBe(before - 2);
		await page.getByLabel("Point of Sale: sell even if there is none").check();
		await sell(20);
		await page.getByText(/Order #\d+ at Shop floor: 20 × Assam/).waitFor();
		expect(outside.available(SKU)).toBe(before - 22);
		await figure(page, "woocommerce")
			.getByText(String(before - 22), { exact: true })
			.waitFor(SOON);
		await page.screenshot({ path: picturePath("sandbox-orders") });
		expect(complaints).toEqual([]);
	});

	test("an order at the shop is edited, refunded and cancelled, with and without restock", SOON, async () => {
		const { page, complaints } = await visit("/orders");
		const sku = "TEA-02-250G";
		const before = outside.available(sku);
		await page.getByLabel("Product", { exact: true }).fill(sku);
		await page.getByLabel("Quantity", { exact: true }).fill("4");
		await page.getByLabel("Sold by").selectOption("draft");
		await page.getByRole("button", { name: "Place order" }).click();
		const [link] = [page.getByRole("row", { name: /Draft order.*Darjeeling/ }).getByRole("link")];
		await link?.click();
		await page.getByLabel(`Quantity of ${sku}`).fill("6");
		await page
			.getByRole("row", { name: new RegExp(sku) })
			.getByRole("button", { name: "Save" })
			.click();
		await page.getByText(/has 6 × Darjeeling/).waitFor();
		expect(outside.available(sku)).toBe(before - 6);
		const refund = async (restock: "yes" | "no", said: RegExp) => {
			await page.getByLabel(`Restock ${sku}`).selectOption(restock);
			await page
				.getByRole("row", { name: new RegExp(sku) })
				.getByRole("button", { name: "Refund" })
				.click();
			await page.getByText(said).waitFor();
		};
		await refund("yes", /refunded, restocked/);
		expect(outside.available(sku)).toBe(before - 5);
		await refund("no", /refunded, not restocked/);
		expect(outside.available(sku)).toBe(before - 5);
		await page.screenshot({ path: picturePath("sandbox-order") });
		await page.getByRole("button", { name: "Cancel and restock" }).click();
		await page.getByText(/its products are for sale again/).waitFor();
		// One piece was refunded and not restocked: it is gone.
		expect(outside.available(sku)).toBe(before - 1);
		expect(complaints).toEqual([]);
	});

	test("a figure typed into the store behind Lockstep's back is found and put right", { timeout: 180_000 }, async () => {
		const { page, complaints } = await visit(`/channels/woocommerce?q=${SKU}`);
		await until("everything is in step", () => shown("woocommerce") === outside.available(SKU));
		const right = shown("woocommerce");
		await page.getByLabel(`${SKU} on WooCommerce`).fill(String(right + 500));
		await page.getByRole("button", { name: "Type it" }).click();
		await page.getByText(/Lockstep was not told/).waitFor();
		expect(outside.world.books.truth(SKU)).toBe(right);
		await figure(page, "woocommerce").getByText("followed in", { exact: false }).waitFor({ timeout: 150_000 });
		expect(shown("woocommerce")).toBe(right);
		expect(outside.available(SKU)).toBe(right);
		expect(complaints).toEqual([]);
	});

	test("side by side: bought on Shopify, the store follows; the phone has it all without scrolling sideways", SOON, async () => {
		const { page, complaints } = await visit("/home");
		const before = shown("woocommerce");
		await page.getByLabel("Quantity to buy on Shopify").fill("1");
		await page.getByRole("region", { name: "Shopify" }).getByRole("button", { name: "Buy" }).click();
		await page
			.getByRole("region", { name: "WooCommerce" })
			.getByText(String(before - 1), { exact: true })
			.waitFor(SOON);
		await page.screenshot({ path: picturePath("sandbox-home") });
		expect(complaints).toEqual([]);
		for (const path of ["home", "products", "orders", "channels/amazon", "break-it"]) {
			const phone = await visit(`/${path}`, 390);
			await phone.page.getByText("Simulated Shopify admin").waitFor();
			expect(await phone.page.evaluate("(m => m.scrollWidth - m.clientWidth)(document.querySelector('main'))"), path).toBe(0);
			await phone.page.screenshot({ path: picturePath(`sandbox-${path.replace("channels/", "")}-phone`) });
			expect(phone.complaints).toEqual([]);
		}
	});

	test("500 products are found by search and by page", async () => {
		const { page, complaints } = await visit("/products?page=20");
		await page.getByText("Page 20 of 20").waitFor();
		expect(await page.locator("tbody tr").count()).toBe(25);
		await page.getByLabel("Search by title or SKU").fill("set-12");
		await page.getByLabel("Search by title or SKU").press("Enter");
		await page.getByText("1 with stock").waitFor();
		expect(await page.getByRole("row", { name: /SET-12/ }).innerText()).toContain("Bundle");
		expect(complaints).toEqual([]);
	});

	test("a channel's faults are switched on and off on its page, and Amazon's next write is doomed once", async () => {
		const { page, complaints } = await visit("/channels/amazon");
		const lose = page.getByRole("button", { name: "Lose notifications" });
		await lose.click();
		await page.getByText("Amazon: lose notifications, on").waitFor();
		expect(outside.world.faults.active()).toMatchObject([{ channel: "amazon", kind: "lost", rate: 0.3 }]);
		await page.locator("button[aria-pressed=true]").getByText("Lose notifications").waitFor();
		await lose.click();
		await page.getByText("Amazon: lose notifications, off").waitFor();
		expect(outside.world.faults.active()).toEqual([]);
		await page.getByRole("button", { name: "Swallow the next write" }).click();
		await page.getByText("Amazon: swallow the next write, once").waitFor();
		await page.locator("button[aria-pressed=true]").getByText("Swallow the next write").waitFor();
		await page.getByRole("button", { name: "Refuse the next write later" }).click();
		await page.getByText("The next write's fate is settled already", { exact: false }).waitFor();
		expect(complaints).toEqual([]);
	});

	test("R40 a wrong feed in Shopify does not empty the store: it waits for approval, sales go on, and the feed mended ends it", {
		timeout: 2 * SOON.timeout,
	}, async () => {
		const { books } = outside.world;
		const empty = () => books.skus().filter((sku) => shown("woocommerce", sku) <= 0).length;
		const before = empty();
		const was = new Map(books.skus().map((sku) => [sku, shown("woocommerce", sku)]));
		const { page } = await visit("/break-it");
		await page.getByRole("button", { name: "A wrong feed" }).click();
		await page.getByText(/^A wrong feed sets \d+ figures to zero$/).waitFor();
		await until("everything is at zero in Shopify", () => books.skus().every((sku) => books.truth(sku) <= 0));
		const overview = (await open("/apps/lockstep")).page;
		onTestFinished(() => overview.context().close());
		// What is owed to buyers comes first there; the feed is told of all the same.
		const needs = overview.frameLocator("#app-frame").getByTestId("needs-you");
		await needs.getByText(/would go to zero/).waitFor(SOON);
		await until("what has arrived is taken in", async () => /^4\d\d products would go to zero/m.test(await needs.innerText()));
		// Five percent of the catalogue passes, and what is made of it.
		expect(empty() - before).toBeLessThan(75);
		const sold = books.skus().find((sku) => shown("woocommerce", sku) > 5 && books.componentsOf(sku).length === 1) ?? "";
		const left = shown("woocommerce", sold);
		await page.goto(`${outside.world.origin()}${ROOT}/channels/woocommerce`);
		await page.getByLabel("Product", { exact: true }).fill(sold);
		await page.getByLabel("Quantity", { exact: true }).fill("2");
		await page.getByRole("button", { name: "Place order" }).click();
		await page.getByText(/WooCommerce order \d+: 2 × /).waitFor();
		await until("Shopify is told of the sale", () => outside.available(sold) === -2);
		expect(shown("woocommerce", sold)).toBe(left - 2);
		await page.goto(`${outside.world.origin()}${ROOT}/break-it`);
		await page.getByRole("button", { name: "A wrong feed" }).click();
		await page.getByText(/^The feed is mended/).waitFor();
		await until("nothing waits any more", async () => (await needs.getByText(/would go to zero/).count()) === 0);
		await until("the store shows what there is", () => books.outOfStep("woocommerce").length === 0);
		expect([shown("woocommerce", sold), empty()]).toEqual([(was.get(sold) ?? 0) - 2, before]);
	});

	test("the web process is killed and its successor serves the app at the same address", SOON, async () => {
		const { page } = await visit("/break-it");
		const address = app.origin();
		await page.getByRole("button", { name: "Kill the web process" }).click();
		await page.getByText("Killed").waitFor();
		const ready = () =>
			fetch(`${app.origin()}/readyz`).then(
				({ ok }) => ok,
				() => false,
			);
		await until("the web process is back", ready);
		expect(app.origin()).toBe(address);
		await page.getByRole("button", { name: "Lose everything for a minute" }).click();
		await page.getByText("The line is cut for a minute").waitFor();
		const cut = outside.world.faults.active().map(({ channel, kind }) => `${channel} ${kind}`);
		expect(cut.toSorted()).toEqual(["amazon", "shopify", "woocommerce"].flatMap((channel) => [`${channel} lost`, `${channel} status`]));
		await page.getByRole("button", { name: "Lose everything for a minute" }).click();
		await page.getByText("The line is mended").waitFor();
		expect(outside.world.faults.active()).toEqual([]);
	});

	test("bad input gets a sentence and changes nothing; so does every action tried by GET", async () => {
		const mark = outside.world.books.mark();
		const edits = outside.world.books.edits().length;
		const address = (path: string) => `${outside.world.origin()}${ROOT}${path}`;
		const said = async (path: string, fields: Record<string, string>) => {
			const answer = await fetch(address(path), { method: "POST", body: new URLSearchParams(fields) });
			return `${answer.status} ${await answer.text()}`;
		};
		const one = { product: SKU, quantity: "1" };
		expect(await said("/channels/woocommerce/place", { ...one, quantity: "0" })).toBe("422 A quantity is a whole number from 1 to 99");
		expect(await said("/channels/woocommerce/place", { ...one, product: "NO" })).toBe("422 No product on WooCommerce has the SKU NO");
		expect(await said("/channels/amazon/stock", { ...one, quantity: "-1" })).toBe("422 A figure is a whole number from 0 to 100,000");
		expect(await said("/channels/amazon/cancel", { order: "7" })).toBe("422 Amazon has no such order");
		expect(await said("/orders/place", { ...one, via: "pos:7" })).toBe("422 Choose where it is sold");
		expect(await said("/orders/refund", { order: "7" })).toBe("422 There is no such order");
		expect(await said("/products/stock", { variant: "7" })).toBe("422 That product is not here any more");
		expect(await said("/break-it", { id: "7" })).toBe("422 There is no such button");
		expect(await said("/watch", { product: "" })).toBe("422 Choose a product by its SKU");
		for (const path of ["/orders/place", "/orders/cancel", "/products/stock", "/channels/amazon/place", "/home/buy"])
			expect((await fetch(address(`${path}?${new URLSearchParams(one)}`))).status, path).toBe(404);
		expect([outside.world.books.mark(), outside.world.books.edits().length]).toEqual([mark, edits]);
	});
});
