import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createMailbox, type Mailbox } from "../../../sandbox/mailbox.ts";
import { freshDatabase, type TestDatabase } from "../../../tests/kit/database.ts";
import { openShop } from "../../../tests/kit/delivery.ts";
import { dyingPool, placesToDie } from "../../../tests/kit/dying-pool.ts";
import type { TestShop } from "../../../tests/kit/shop.ts";
import {
	askForTestMail,
	createMailer,
	findWaitingMail,
	lastMail,
	type Mailer,
	queueDigests,
	readMailRules,
	saveMailRules,
	sendMail,
} from "../index.ts";

let database: TestDatabase;
let shop: TestShop;
let mailbox: Mailbox;
let mailer: Mailer;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	await database.pool.query("UPDATE shop SET state = 'uninstalled'");
	shop = await openShop(database.pool, { items: 1, opening: 10, guestState: "live" });
	mailbox = await createMailbox();
	mailer = createMailer({ url: mailbox.url(), from: "Lockstep <alerts@lockstep.example>" });
});
afterEach(async () => {
	mailer.close();
	await mailbox.close();
});

const query = (sql: string, values: unknown[] = []) => database.pool.query(sql, values);
const send = (pool = database.pool) => sendMail({ pool, log: pino({ level: "silent" }), mailer }, shop.shopId);
let presses = 0;
const ask = (address = "ann@example.com", press = `p${++presses}`) =>
	askForTestMail({ pool: database.pool, wake: async () => {} }, shop.shopId, { address, press });
const waiting = async () => (await findWaitingMail(database.pool)).includes(shop.shopId);
const minutesPass = (minutes: number) =>
	query(
		"UPDATE mail SET next_attempt_at = next_attempt_at - $1 * interval '1 minute', claimed_until = claimed_until - $1 * interval '1 minute'",
		[minutes],
	);

describe("R29 e-mails by SMTP", () => {
	test("one goes out with its text, its HTML and its sender, and the settings page knows that it did", async () => {
		await ask("ann@example.com");
		expect(await waiting()).toBe(true);
		expect(await send()).toEqual({ outcome: "done", sent: 1 });
		expect(await send()).toEqual({ outcome: "done", sent: 0 });
		const [mail, ...others] = mailbox.received();
		expect(others).toEqual([]);
		expect(mail).toMatchObject({ to: ["ann@example.com"], from: "alerts@lockstep.example", subject: "Lockstep's e-mails arrive" });
		expect(mail?.text).toContain("This is a test");
		expect(mail?.html).toContain("<h2");
		expect(await lastMail(database.pool, shop.shopId)).toMatchObject({ address: "ann@example.com", state: "sent", error: null });
		expect(await waiting()).toBe(false);
	});

	test("pressed twice it is one; more than ten tests an hour are none", async () => {
		await Promise.all([ask("ann@example.com", "same"), ask("ann@example.com", "same")]);
		await send();
		expect(mailbox.received()).toHaveLength(1);
		for (let n = 0; n < 9; n++) expect((await ask()).outcome).toBe("asked");
		expect((await ask()).outcome).toBe("too-many");
	});

	test("R18 a server that has no time is asked again later, one that refuses an address is not, and its words are shown", async () => {
		mailbox.refuse({ code: 451, text: "Try again later" });
		await ask();
		await ask("bob@example.com");
		expect(await send()).toEqual({ outcome: "done", sent: 0 });
		expect(await lastMail(database.pool, shop.shopId)).toMatchObject({
			state: "waiting",
			error: expect.stringContaining("Try again later"),
		});
		mailbox.refuse({ code: 550, text: "No such mailbox" });
		await minutesPass(60);
		await send();
		expect(await lastMail(database.pool, shop.shopId)).toMatchObject({
			state: "dropped",
			error: expect.stringContaining("No such mailbox"),
		});
		mailbox.refuse(null);
		await minutesPass(60);
		await send();
		expect(mailbox.received()).toEqual([]);
	});

	test("a server that is away loses nothing; after a day it is no alert any more", async () => {
		await mailbox.close();
		await ask();
		expect(await send()).toEqual({ outcome: "done", sent: 0 });
		await query("UPDATE mail SET written_at = written_at - interval '25 hours'");
		await minutesPass(60);
		await send();
		expect(await lastMail(database.pool, shop.shopId)).toMatchObject({ state: "dropped" });
		mailbox = await createMailbox();
	});

	test("one that was taken and never answered goes out again under the same Message-ID", async () => {
		mailbox.cutAfterTaking(1);
		await ask();
		await send();
		await minutesPass(60);
		await send();
		const ids = mailbox.received().map(({ messageId }) => messageId);
		expect(ids).toHaveLength(2);
		expect(new Set(ids).size).toBe(1);
		expect(await lastMail(database.pool, shop.shopId)).toMatchObject({ state: "sent" });
	});

	test("workers that send at once send each e-mail once; R08 killed before or after any statement none is lost", async () => {
		for (let n = 0; n < 8; n++) await ask(`p${n}@example.com`);
		await Promise.all([send(), send(), send()]);
		expect(
			mailbox
				.received()
				.map(({ to }) => to[0])
				.sort(),
		).toEqual(Array.from({ length: 8 }, (_, n) => `p${n}@example.com`));
		await query("DELETE FROM mail");
		const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await ask();
		await send(clean.pool);
		for (const place of placesToDie(clean.statements())) {
			await query("DELETE FROM mail");
			await ask("kill@example.com");
			await send(dyingPool(database.pool, place).pool).catch(() => {});
			await minutesPass(60);
			await send();
			expect(await lastMail(database.pool, shop.shopId)).toMatchObject({ address: "kill@example.com", state: "sent" });
		}
	}, 60_000);
});

describe("R29 the day's summary", () => {
	const APP = (domain: string) => `https://admin.shopify.com/store/${domain}/apps/key`;
	const digest = (at: string) => queueDigests(database.pool, { appUrlOf: APP, now: new Date(at) });
	const subscribe = async (timeZone: string, addedAt: string) => {
		const rules = await readMailRules(database.pool, shop.shopId);
		const recipients = [
			{ address: "ann@example.com", alerts: true, digest: true },
			{ address: "bob@example.com", alerts: true, digest: false },
		];
		await saveMailRules(database.pool, shop.shopId, { ...rules, recipients, digestHour: 7, timeZone }, "user-1");
		await query("UPDATE mail_recipient SET added_at = $2 WHERE shop_id = $1", [shop.shopId, addedAt]);
		await query("UPDATE shop SET import_state = 'done' WHERE id = $1", [shop.shopId]);
	};
	const written = async () =>
		(await query("SELECT address, source_key, text_body FROM mail WHERE shop_id = $1 ORDER BY id", [shop.shopId])).rows;

	test("comes at seven of the shop's own morning, once a day, to those who want it, also by many workers and late", async () => {
		await subscribe("America/New_York", "2026-07-01T00:00:00Z");
		expect(await digest("2026-07-02T10:59:00Z")).toBe(0);
		await Promise.all([digest("2026-07-02T11:00:00Z"), digest("2026-07-02T11:00:00Z"), digest("2026-07-02T11:00:05Z")]);
		expect((await written()).map(({ address, source_key }) => [address, source_key])).toEqual([["ann@example.com", "digest:2026-07-02"]]);
		expect(await digest("2026-07-02T23:00:00Z")).toBe(0);
		// The workers were away in the morning; the next day's comes at its own hour all the same.
		expect(await digest("2026-07-03T20:00:00Z")).toBe(1);
		expect(await digest("2026-07-03T20:00:30Z")).toBe(0);
		expect(await digest("2026-07-04T11:00:00Z")).toBe(1);
		expect((await written()).map(({ source_key }) => source_key)).toEqual(["digest:2026-07-02", "digest:2026-07-03", "digest:2026-07-04"]);
	});

	test("R19 shops whose hour has not come hide none behind them", async () => {
		await subscribe("America/New_York", "2026-07-01T00:00:00Z");
		const early = shop;
		shop = await openShop(database.pool, { items: 1 });
		await subscribe("Europe/Amsterdam", "2026-07-01T00:00:00Z");
		const now = new Date("2026-07-02T06:00:00Z");
		expect(await queueDigests(database.pool, { appUrlOf: APP, now, perPage: 1 })).toBe(1);
		expect((await written()).length).toBe(1);
		expect((await query("SELECT FROM mail WHERE shop_id = $1", [early.shopId])).rowCount).toBe(0);
	});

	test("who is added after that hour gets tomorrow's first, in winter time as well", async () => {
		await subscribe("Europe/Amsterdam", "2026-10-25T09:00:00Z");
		expect(await digest("2026-10-25T20:00:00Z")).toBe(0);
		expect(await digest("2026-10-26T05:59:00Z")).toBe(0);
		expect(await digest("2026-10-26T06:00:00Z")).toBe(1);
	});

	test("says what came in, how fast it went on, and what waits for somebody", async () => {
		await subscribe("UTC", "2026-01-01T00:00:00Z");
		await query("INSERT INTO lag_sample (shop_id, connection_id, lag_ms) SELECT $1, $2, 100 * n FROM generate_series(1, 30) n", [
			shop.shopId,
			shop.guest,
		]);
		await query(
			`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, units, covered, state, source_key, occurred_at)
			 VALUES ($1, $2, $3, $4, 2, 0, 'open', 'o', now())`,
			[shop.shopId, shop.items[0], shop.locations[0], shop.guest],
		);
		await query("UPDATE connection SET health = 'red' WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.guest]);
		await digest("2026-07-02T12:00:00Z");
		const [mail] = await written();
		expect(mail?.text_body).toContain("2 units are owed to buyers.");
		expect(mail?.text_body).toMatch(/half of the updates arrived within 1\.5 seconds, 99 of 100 within 3 seconds/);
		expect(mail?.text_body).toContain("cannot be reached.");
		expect(mail?.text_body).not.toMatch(/undefined|NaN|null/);
	});
});
