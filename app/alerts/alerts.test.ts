import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { openShop } from "../../tests/kit/delivery.ts";
import { dyingPool, placesToDie } from "../../tests/kit/dying-pool.ts";
import type { TestShop } from "../../tests/kit/shop.ts";
import { type AlertKind, lookForAlerts, type MailRules, readMailRules, saveMailRules } from "./index.ts";

let database: TestDatabase;
let shop: TestShop;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
	// What other tests left is not this test's.
	await database.pool.query("UPDATE shop SET state = 'uninstalled'");
	await look();
	shop = await openShop(database.pool, { items: 2, opening: 10, guestState: "live" });
	await tell("ann@example.com");
});

const APP = (domain: string) => `https://admin.shopify.com/store/${domain.replace(".myshopify.com", "")}/apps/key`;
const look = (pool = database.pool) => lookForAlerts(pool, { appUrlOf: APP });
const turnsOf = async () => (await look()).filter(({ shopId }) => shopId === shop.shopId).map(({ kind, turn }) => `${kind} ${turn}`);
const query = (sql: string, values: unknown[] = []) => database.pool.query(sql, values);
const mails = async (): Promise<{ address: string; subject: string; text_body: string; html_body: string }[]> =>
	(await query("SELECT address, subject, text_body, html_body FROM mail WHERE shop_id = $1 ORDER BY id", [shop.shopId])).rows;
const change = async (next: (rules: MailRules) => Partial<MailRules>) => {
	const rules = await readMailRules(database.pool, shop.shopId);
	return saveMailRules(database.pool, shop.shopId, { ...rules, ...next(rules) }, "user-1");
};
const tell = (...addresses: string[]) =>
	change(() => ({ recipients: addresses.map((address) => ({ address, alerts: true, digest: true })) }));
const rule = (kind: AlertKind, some: { enabled?: boolean; threshold?: number }) =>
	change(({ rules }) => ({ rules: rules.map((one) => (one.kind === kind ? { ...one, ...some } : one)) }));
const minutesPass = (minutes: number) =>
	query("UPDATE alert SET noticed_at = noticed_at - $1 * interval '1 minute' WHERE resolved_at IS NULL", [minutes]);

const oversell = (units: number) =>
	query(
		`INSERT INTO oversell (shop_id, item_id, location_id, connection_id, units, covered, state, source_key, occurred_at)
		 VALUES ($1, $2, $3, $4, $5, 0, 'open', 'o' || random(), now())`,
		[shop.shopId, shop.items[0], shop.locations[0], shop.guest, units],
	);
const coverAll = () => query("UPDATE oversell SET covered = units, state = 'covered' WHERE shop_id = $1", [shop.shopId]);
const health = (state: string, reason: string | null = null) =>
	query("UPDATE connection SET health = $3, health_reason = $4 WHERE shop_id = $1 AND id = $2", [shop.shopId, shop.guest, state, reason]);

describe("R29 what is told of", () => {
	test("an oversell at once, by product, once, and once more when stock covers it", async () => {
		await oversell(2);
		expect(await turnsOf()).toEqual(["oversell opened"]);
		expect(await turnsOf()).toEqual([]);
		await oversell(1);
		expect(await turnsOf()).toEqual([]);
		await coverAll();
		expect(await turnsOf()).toEqual(["oversell over"]);
		const written = await mails();
		expect(written.map(({ subject }) => subject)).toEqual([expect.stringMatching(/^Oversold: /), expect.stringMatching(/^Covered: /)]);
		expect(written[0]?.text_body).toContain("2 units owed");
		expect(written[0]?.text_body).toContain(`${APP((await domain()) ?? "")}/app/oversells?item=${shop.items[0]}`);
	});

	test("R40 a mass change that waits, after half a minute and once; it is over when it is decided, kept or mended", async () => {
		const wait = (n: number) =>
			query(
				`INSERT INTO held_change (shop_id, item_id, location_id, state, kind, set_id, former, to_figure, read_at, at)
				 VALUES ($1, $2, $3, 'held', 'zero', 7, 5, 0, now(), now())`,
				[shop.shopId, shop.items[n], shop.locations[0]],
			);
		await query(
			"INSERT INTO change_set (shop_id, id, kind, allowed, passed, opened_at, last_at) VALUES ($1, 7, 'zero', 50, 50, now(), now())",
			[shop.shopId],
		);
		await wait(0);
		expect(await turnsOf()).toEqual([]);
		await wait(1);
		await minutesPass(1);
		expect(await turnsOf()).toEqual(["approval opened"]);
		expect(await turnsOf()).toEqual([]);
		const [mail] = await mails();
		expect(mail?.subject).toBe("2 products would go to zero");
		expect(mail?.text_body).toContain(`${APP((await domain()) ?? "")}/app/approvals/7`);
		await query("UPDATE held_change SET asked = 'approve' WHERE shop_id = $1", [shop.shopId]);
		expect(await turnsOf()).toEqual(["approval over"]);
		await query("UPDATE alert SET opened_at = opened_at - interval '2 hours' WHERE shop_id = $1", [shop.shopId]);
		await query("UPDATE held_change SET asked = NULL WHERE shop_id = $1", [shop.shopId]);
		expect(await turnsOf()).toEqual([]);
		await minutesPass(1);
		expect(await turnsOf()).toEqual(["approval opened"]);
		await query("UPDATE change_set SET kept_at = now() WHERE shop_id = $1", [shop.shopId]);
		expect(await turnsOf()).toEqual(["approval over"]);
		expect((await mails()).map(({ subject }) => subject).at(-1)).toBe("Nothing waits for approval any more");
	});

	test("R11 an oversell that ended without stock says how, and does not speak of stock", async () => {
		await oversell(3);
		await turnsOf();
		await query(
			"UPDATE oversell SET covered = 3, moved = 2, cancelled = 1, state = 'cancelled', resolved_at = clock_timestamp() WHERE shop_id = $1",
			[shop.shopId],
		);
		expect(await turnsOf()).toEqual(["oversell over"]);
		const [, over] = await mails();
		expect(over?.subject).toMatch(/^Settled: /);
		expect(over?.text_body).toContain("What was owed: 1 cancelled, 2 taken from another location.");
		expect(over?.text_body).toContain("sold on all channels again");
		await oversell(1);
		await query(
			"UPDATE alert SET opened_at = opened_at - interval '2 hours', noticed_at = noticed_at - interval '2 hours' WHERE shop_id = $1",
			[shop.shopId],
		);
		await turnsOf();
		await query("UPDATE oversell SET state = 'dismissed', dismissed_at = clock_timestamp() WHERE shop_id = $1 AND state = 'open'", [
			shop.shopId,
		]);
		await turnsOf();
		const last = (await mails()).at(-1);
		expect(last?.text_body).toContain("1 dismissed");
		expect(last?.text_body).not.toContain("sold on all channels again");
	});

	test("a channel that cannot be reached after two minutes, with its reason; what passes by itself tells nobody", async () => {
		await health("red", "It answers <503>");
		expect(await turnsOf()).toEqual([]);
		await health("green");
		expect(await turnsOf()).toEqual([]);
		await health("red", "It answers <503>");
		expect(await turnsOf()).toEqual([]);
		await minutesPass(3);
		expect(await turnsOf()).toEqual(["unreachable opened"]);
		const [mail] = await mails();
		expect(mail?.text_body).toContain("It answers <503>");
		expect(mail?.html_body).toContain("It answers &#60;503&#62;");
		await health("green");
		expect(await turnsOf()).toEqual(["unreachable over"]);
	});

	test("a channel that is down for ten minutes, while shorter trouble passes by itself", async () => {
		await health("degraded", "Service Unavailable");
		const since = (minutes: number) =>
			query("UPDATE connection SET health_since = now() - $2 * interval '1 minute' WHERE id = $1", [shop.guest, minutes]);
		await since(9);
		await look();
		await minutesPass(3);
		expect(await turnsOf()).toEqual([]);
		await since(11);
		await look();
		await minutesPass(3);
		expect(await turnsOf()).toEqual(["unreachable opened"]);
	});

	test("more failures than the limit, and those that a person told to be ignored are none", async () => {
		await query(
			`INSERT INTO problem (shop_id, connection_id, direction, operation, error_class, failures, state) VALUES ($1, $2, 'out', 'w', 'rejected', 51, 'open')`,
			[shop.shopId, shop.guest],
		);
		await rule("failures", { threshold: 51 });
		expect(await turnsOf()).toEqual([]);
		await rule("failures", { threshold: 50 });
		expect(await turnsOf()).toEqual(["failures opened"]);
		await query("UPDATE problem SET state = 'ignored' WHERE shop_id = $1", [shop.shopId]);
		expect(await turnsOf()).toEqual(["failures over"]);
	});

	test("a slow channel: one sale in a hundred over the limit, for five minutes, of at least twenty", async () => {
		const sales = (count: number, ms: number) =>
			query("INSERT INTO lag_sample (shop_id, connection_id, lag_ms) SELECT $1, $2, $3 FROM generate_series(1, $4::int)", [
				...[shop.shopId, shop.guest, ms, count],
			]);
		await sales(10, 60_000);
		await look();
		await minutesPass(6);
		expect(await turnsOf()).toEqual([]);
		await sales(10, 60_000);
		await look();
		expect(await turnsOf()).toEqual([]);
		await minutesPass(6);
		expect(await turnsOf()).toEqual(["lag opened"]);
		expect((await mails())[0]?.text_body).toContain("60 seconds");
		await rule("lag", { threshold: 61 });
		expect(await turnsOf()).toEqual(["lag over"]);
	});

	test("listings that are paused with stock, after a day; those that wait to go live are none", async () => {
		await query("UPDATE listing SET desired = 5, paused = true, paused_reason = 'by hand' WHERE shop_id = $1 AND id = $2", [
			shop.shopId,
			shop.listings[0],
		]);
		await query("UPDATE listing SET desired = 5, paused = true, paused_reason = 'not live yet' WHERE shop_id = $1 AND id = $2", [
			shop.shopId,
			shop.listings[1],
		]);
		await look();
		await minutesPass(23 * 60);
		expect(await turnsOf()).toEqual([]);
		await minutesPass(61);
		expect(await turnsOf()).toEqual(["paused opened"]);
		expect((await mails())[0]?.subject).toMatch(/^1 listing with stock paused/);
	});

	test("what comes and goes within an hour is told of once; what is switched off is neither told of nor said to be over", async () => {
		await oversell(1);
		await look();
		await coverAll();
		await look();
		await oversell(1);
		expect(await turnsOf()).toEqual(["oversell opened"]);
		await coverAll();
		expect(await turnsOf()).toEqual(["oversell over"]);
		expect(await mails()).toHaveLength(2);
		await query("UPDATE alert SET opened_at = opened_at - interval '2 hours' WHERE shop_id = $1", [shop.shopId]);
		await oversell(1);
		await look();
		expect(await mails()).toHaveLength(3);
		await rule("oversell", { enabled: false });
		expect(await turnsOf()).toEqual(["oversell over"]);
		expect(await mails()).toHaveLength(3);
	});

	test("many things at once are one e-mail to each who wants alerts", async () => {
		await change(() => ({
			recipients: [
				{ address: "ann@example.com", alerts: true, digest: false },
				{ address: "bob@example.com", alerts: true, digest: true },
				{ address: "cleo@example.com", alerts: false, digest: true },
			],
		}));
		await oversell(1);
		await health("red", "away");
		await look();
		await minutesPass(3);
		await query("DELETE FROM alert WHERE shop_id = $1 AND kind = 'oversell'", [shop.shopId]);
		await query("DELETE FROM mail WHERE shop_id = $1", [shop.shopId]);
		await look();
		const written = await mails();
		expect(written.map(({ address, subject }) => [address, subject])).toEqual([
			["ann@example.com", expect.stringMatching(/^2 things need you/)],
			["bob@example.com", expect.stringMatching(/^2 things need you/)],
		]);
	});

	test("workers that look at the same moment tell of it once; R08 killed before or after any statement, the next look tells it, once", async () => {
		await oversell(1);
		await Promise.all(Array.from({ length: 6 }, () => look()));
		expect(await mails()).toHaveLength(1);
		await coverAll();
		await Promise.all(Array.from({ length: 6 }, () => look()));
		expect(await mails()).toHaveLength(2);
		const clean = dyingPool(database.pool, { at: Number.POSITIVE_INFINITY, moment: "before" });
		await look(clean.pool);
		for (const place of placesToDie(Math.max(clean.statements(), 8))) {
			await query("DELETE FROM mail WHERE shop_id = $1", [shop.shopId]);
			await query("DELETE FROM alert WHERE shop_id = $1", [shop.shopId]);
			await oversell(1);
			await look(dyingPool(database.pool, place).pool).catch(() => {});
			await look();
			expect(await mails()).toHaveLength(1);
			await coverAll();
			await look();
		}
	}, 60_000);

	test("R37 one shop's troubles are told to its own people only, and an uninstalled one's to nobody", async () => {
		const other = await openShop(database.pool, { items: 1 });
		await oversell(1);
		await look();
		const { rows } = await query("SELECT DISTINCT shop_id FROM mail WHERE shop_id = ANY($1)", [[shop.shopId, other.shopId]]);
		expect(rows).toEqual([{ shop_id: shop.shopId }]);
		await query("UPDATE shop SET state = 'uninstalled' WHERE id = $1", [shop.shopId]);
		await look();
		expect(await mails()).toHaveLength(1);
	});
});

describe("R29 who is told", () => {
	test("addresses are checked, kept once in small letters, and on record as a number only", async () => {
		expect(await tell("Ann@Example.com", "ann@example.com ", "bob@example.com")).toEqual({ outcome: "saved" });
		expect((await readMailRules(database.pool, shop.shopId)).recipients.map(({ address }) => address)).toEqual([
			"ann@example.com",
			"bob@example.com",
		]);
		for (const wrong of ["ann", "ann@", "a@b", "a b@example.com", "<ann@example.com>", "ann@example.com,bob@example.com"])
			expect(await tell(wrong)).toMatchObject({ outcome: "refused", reason: expect.stringContaining("not an e-mail address") });
		expect(await tell(...Array.from({ length: 21 }, (_, n) => `p${n}@example.com`))).toMatchObject({ outcome: "refused" });
		const { rows } = await query(
			"SELECT after::text FROM audit WHERE shop_id = $1 AND action = 'emails.changed' ORDER BY id DESC LIMIT 1",
			[shop.shopId],
		);
		expect(rows[0].after).not.toContain("example.com");
		expect(rows[0].after).toContain('"recipients": 2');
	});

	test("limits are whole numbers in their bounds, hours and zones are real; saved again, nothing new is on record", async () => {
		expect(await rule("lag", { threshold: 0 })).toMatchObject({ outcome: "refused" });
		expect(await rule("lag", { threshold: 1.5 })).toMatchObject({ outcome: "refused" });
		expect(await change(() => ({ digestHour: 24 }))).toMatchObject({ outcome: "refused" });
		expect(await change(() => ({ timeZone: "Mars/Olympus" }))).toMatchObject({ outcome: "refused" });
		expect(await change(() => ({ timeZone: "Europe/Amsterdam" }))).toEqual({ outcome: "saved" });
		const entries = async () => (await query("SELECT count(*)::int AS n FROM audit WHERE shop_id = $1", [shop.shopId])).rows[0].n;
		const before = await entries();
		await change(() => ({}));
		expect(await entries()).toBe(before);
	});
});

const domain = async () => (await query("SELECT domain FROM shop WHERE id = $1", [shop.shopId])).rows[0]?.domain;
