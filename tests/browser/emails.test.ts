import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMailer, lookForAlerts, type Mailer, sendMail } from "#alerts";
import { mailboxPage } from "../../sandbox/admin/pages/mailbox.ts";
import { createMailbox, MAIL_FROM, type Mailbox } from "../../sandbox/mailbox.ts";
import { type FilledShop, fillShop } from "../kit/fill-shop.ts";
import { violationsOf } from "./accessibility.ts";
import { chromiumPath, openStage, picturePath, SHOP, STAGE_TIMEOUT_MS, type Stage } from "./stage.ts";

const ADMIN = "/store/northwind-outdoor";
const SETTINGS = `${ADMIN}/apps/lockstep/app/settings`;
const PHONE = { width: 390, height: 844 };

describe.skipIf(!chromiumPath)("R29 R35 e-mails inside the Shopify admin", () => {
	let stage: Stage;
	let shop: FilledShop;
	let mailbox: Mailbox;
	let mailer: Mailer;
	const query = (sql: string, values: unknown[] = []) => stage.database.pool.query(sql, values);
	/** What a worker does within seconds. */
	const work = async () => {
		await lookForAlerts(stage.database.pool, { appUrlOf: (domain) => `https://admin.shopify.com/store/${domain.split(".")[0]}/apps/key` });
		await sendMail({ pool: stage.database.pool, log: pino({ level: "silent" }), mailer }, shop.shopId);
	};

	beforeAll(async () => {
		mailbox = await createMailbox();
		mailer = createMailer({ url: mailbox.url(), from: MAIL_FROM });
		stage = await openStage({
			environment: { SMTP_URL: mailbox.url(), MAIL_FROM },
			pages: [(root) => mailboxPage(mailbox, root)],
		});
		shop = await fillShop(stage.database.pool, SHOP, { listings: 3 });
	}, STAGE_TIMEOUT_MS);
	afterAll(async () => {
		mailer.close();
		await stage?.close();
		await mailbox.close();
	});

	test("an address is added, tried, and told of an oversell; its e-mail leads to the orders that are owed, and says when it is over", async () => {
		const { page, app, complaints, close } = await stage.open({ path: SETTINGS });
		await app.getByLabel("Add an address").fill("Ann@Example.com");
		await app.getByRole("button", { name: "Add", exact: true }).click();
		await app.getByTestId("recipients").getByText("ann@example.com").waitFor();
		await app.getByRole("spinbutton", { name: /Many updates fail/ }).fill("20");
		await app.getByLabel("Daily summary at").selectOption("8");
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("Settings saved").waitFor();
		await app.getByRole("button", { name: "Send a test e-mail to ann@example.com" }).click();
		await page.getByText("A test e-mail is on its way").waitFor();
		await work();
		expect(mailbox.received().map(({ to, subject }) => [to[0], subject])).toEqual([["ann@example.com", "Lockstep's e-mails arrive"]]);
		await query(
			`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, units, covered, state, source_key, occurred_at)
			 VALUES ($1, $2, $3, $4, 2, 0, 'open', 'o', now())`,
			[shop.shopId, shop.items[0], shop.location, shop.woocommerce],
		);
		await work();
		await app.getByRole("heading", { name: "Who is told" }).scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath("emails") });
		expect(await violationsOf(app)).toEqual([]);
		expect(complaints).toEqual([]);

		await page.goto(`${stage.gateway.url().split("/store")[0]}${ADMIN}/mailbox`);
		await page.getByRole("link", { name: /^Oversold: / }).waitFor();
		await page.screenshot({ path: picturePath("mailbox") });
		await page.getByRole("link", { name: /^Oversold: / }).click();
		const letter = page.frameLocator("iframe.letter");
		await letter.getByText("2 units owed to buyers").waitFor();
		await page.screenshot({ path: picturePath("email-oversold") });
		await letter.getByRole("link", { name: "See which orders" }).click();
		await page.waitForURL(new RegExp(`/apps/lockstep/app/oversells\\?item=${shop.items[0]}`));
		await query("UPDATE oversell SET state = 'covered', covered = units");
		await work();
		expect(mailbox.received()[0]?.subject).toMatch(/^Covered: /);
		await close();
	}, 60_000);

	test("on a phone; and a server that refuses is shown with its words", async () => {
		mailbox.refuse({ code: 550, text: "No such mailbox here" });
		const { page, app, close } = await stage.open({ path: SETTINGS, ...PHONE });
		await app.getByRole("button", { name: "Send a test e-mail to ann@example.com" }).click();
		await page.getByText("A test e-mail is on its way").waitFor();
		await work();
		mailbox.refuse(null);
		await app.evaluate(() => window.location.reload());
		await app.getByText("could not be sent").waitFor();
		await app.getByText("could not be sent").scrollIntoViewIfNeeded();
		await page.screenshot({ path: picturePath("emails-phone") });
		const [wide, screen] = await app.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		expect(wide).toBe(screen);
		await close();
	});

	test("a slip is refused with a sentence and loses nothing", async () => {
		const { page, app, close } = await stage.open({ path: SETTINGS });
		await app.getByRole("spinbutton", { name: /A channel is slow/ }).fill("0");
		await page.locator("#save-bar").getByRole("button", { name: "Save" }).click();
		await page.getByText("A limit must be a whole number from 1 to 3600").waitFor();
		expect(await app.getByRole("spinbutton", { name: /A channel is slow/ }).inputValue()).toBe("0");
		await close();
	});
});
