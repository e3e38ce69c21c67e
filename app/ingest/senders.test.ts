import { expect, test } from "vitest";
import { byAccount, byToken, createSenders, readKey, type Sender } from "./senders.ts";

const sender = (account: string): Sender => ({ shopId: 1, connectionId: 1, account, secrets: ["s"] });

const stage = () => {
	const asked: string[] = [];
	const world = { now: 0, away: false, silent: false, there: new Map<string, Sender>() };
	const senders = createSenders(
		async (key) => {
			asked.push(key);
			if (world.away) throw new Error("away");
			if (world.silent) await new Promise(() => {});
			return world.there.get(key) ?? null;
		},
		{ now: () => world.now, timeoutMs: 50 },
	);
	return { asked, world, senders };
};

test("a thousand deliveries at once ask the database once, and not again for ten seconds", async () => {
	const { asked, world, senders } = stage();
	world.there.set("a", sender("a"));
	const found = await Promise.all(Array.from({ length: 1_000 }, () => senders.find("a")));
	expect(new Set(found.map((f) => f.outcome))).toEqual(new Set(["known"]));
	world.now = 9_000;
	await senders.find("a");
	expect(asked).toHaveLength(1);
	world.now = 11_000;
	await senders.find("a");
	expect(asked).toHaveLength(2);
});

test("R02 what was known stays known while the database is away, however long; what was not is unavailable", async () => {
	const { world, senders } = stage();
	world.there.set("a", sender("a"));
	await senders.find("a");
	world.away = true;
	world.now = 3_600_000;
	expect(await senders.find("a")).toMatchObject({ outcome: "known" });
	expect(await senders.find("b")).toMatchObject({ outcome: "unavailable" });
	world.away = false;
	world.there.delete("a");
	world.now += 6_000;
	expect(await senders.find("a")).toEqual({ outcome: "unknown" });
	world.away = true;
	world.now += 60_000;
	expect(await senders.find("a")).toMatchObject({ outcome: "unavailable" });
});

test("R02 a database that says nothing delays nobody who is known by more than one short wait", async () => {
	const { asked, world, senders } = stage();
	world.there.set("a", sender("a"));
	await senders.find("a");
	world.silent = true;
	world.now = 11_000;
	expect(await senders.find("a")).toMatchObject({ outcome: "known" });
	expect(await senders.find("b")).toMatchObject({ outcome: "unavailable" });
	const before = performance.now();
	for (let i = 0; i < 100; i++) expect(await senders.find("a")).toMatchObject({ outcome: "known" });
	expect(performance.now() - before).toBeLessThan(50);
	expect(asked).toEqual(["a", "a", "b"]);
});

test("guessing addresses costs one query each for two seconds, and pushes nobody who is known out of the memory", async () => {
	const { asked, world, senders } = stage();
	world.there.set("a", sender("a"));
	await senders.find("a");
	for (let i = 0; i < 20_000; i++) await senders.find(`guess ${i % 500}`);
	expect(asked).toHaveLength(501);
	expect(await senders.find("a")).toMatchObject({ outcome: "known" });
	expect(asked).toHaveLength(501);
	world.there.set("guess 1", sender("new"));
	world.now = 2_500;
	expect(await senders.find("guess 1")).toMatchObject({ outcome: "known" });
});

test("the memory is bounded: the one that was looked up longest ago is asked for again", async () => {
	const { asked, world, senders } = stage();
	for (let i = 0; i < 10_001; i++) {
		world.there.set(String(i), sender(String(i)));
		await senders.find(String(i));
	}
	await senders.find("10000");
	expect(asked).toHaveLength(10_001);
	await senders.find("0");
	expect(asked).toHaveLength(10_002);
});

test("keys keep what they are made of, whatever stands in them", () => {
	expect(readKey(byToken("woocommerce", "a b c"))).toEqual({ by: "token", channel: "woocommerce", value: "a b c" });
	expect(readKey(byAccount("shopify", "a.myshopify.com"))).toEqual({ by: "account", channel: "shopify", value: "a.myshopify.com" });
});
