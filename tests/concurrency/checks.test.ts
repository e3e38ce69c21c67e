import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RequestRejectedError } from "#app/channels/errors.ts";
import { drainShop } from "#apply";
import type { Deps } from "#connections";
import { pushListings } from "#delivery";
import { appendEvents } from "#inbox";
import { applyDeps } from "../kit/apply-deps.ts";
import { checkNow, settleNow } from "../kit/check.ts";
import { freshDatabase, type TestDatabase } from "../kit/database.ts";
import { deliveryDeps } from "../kit/delivery.ts";
import { createNeighbourList, type NeighbourList } from "../kit/neighbour-list.ts";
import { createNeighbourStore, type NeighbourStore } from "../kit/neighbour-store.ts";
import { at, expectCoherentState, makeShop, order } from "../kit/shop.ts";

const LONG_MS = 240_000;
const ITEMS = 5_000;
const CHANNELS = 10;
const OPENING = 40;
/** Thousand changes behind our back among 50,000 pairs of a product and a channel. */
const CHANGES = { raised: 330, lowered: 250, late: 200, rejected: 90, clamped: 50, unlinked: 80 } as const;
type Kind = keyof typeof CHANGES;
/** Sales that are heard of at once, while the channels are read: a third of them on what was changed. */
const SALES = 1_000;
const SALES_A_PAGE = 5;
/** Far longer than anything takes to settle. */
const MINUTES_MAX = 15;
const CAUSES: Readonly<Record<Kind, string>> = {
	raised: "another-writer",
	lowered: "another-writer",
	late: "late",
	rejected: "rejected",
	clamped: "clamped",
	unlinked: "unmapped",
};

let database: TestDatabase;
beforeAll(async () => {
	database = await freshDatabase();
});
afterAll(() => database.drop());

type Channel = { id: number; store: NeighbourStore; list: NeighbourList; clamped: Set<string> };
type Change = { kind: Kind; channel: number; listing: string; figure: number };

/** mulberry32: the same numbers for the same seed, everywhere. */
function draws(seed: number): (below: number) => number {
	let state = seed;
	return (below) => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below);
	};
}

test(
	"R25 of 1,000 changes behind our back among 50,000 listings that sell meanwhile, each is found with its cause and put right; nothing else is written over, and no older figure stays",
	async () => {
		const draw = draws(25);
		const { pool } = database;
		const shop = await makeShop(pool, { items: 0 });
		const { shopId } = shop;
		const query = (sql: string, values: unknown[] = [shopId]) => pool.query(sql, values);
		const deps: Deps = {
			pool,
			keyRing: [],
			env: { shopifyApiKey: "key", shopifyApiSecrets: ["secret"] },
			log: pino({ level: "silent" }),
			wake: async () => {},
		};
		const channels = await openChannels(shopId, shop.guest);
		await fillStock(shopId, shop.locations[0] ?? 0);
		const neighbours = new Map(channels.map(({ id, store }) => [id, store]));
		const push = async () => {
			for (const { id } of channels) {
				for (;;) {
					await query("UPDATE rate_budget SET tokens = capacity WHERE shop_id = $1");
					const pushed = await pushListings(deliveryDeps(pool, neighbours), shopId, id);
					if (pushed.outcome !== "more") break;
				}
			}
		};
		const drain = async () => {
			while ((await drainShop(applyDeps(pool), shopId)).outcome === "more");
		};
		/** Stamps are whole seconds: a mark and a reading of one second are told apart. */
		const moments = async () => {
			await query("UPDATE reconcile_difference SET marked_read_at = marked_read_at - interval '5 seconds' WHERE shop_id = $1");
		};
		let orders = 0;
		let sold = 0;
		const tell = (sales: readonly { channel: number; listing: string; units: number; soldAt: string }[]) =>
			appendEvents(
				pool,
				sales.map(({ channel, listing, units, soldAt }) => ({
					...{ shopId, connectionId: channels[channel]?.id ?? 0, topic: "order", source: "webhook" as const, payload: null },
					...{ deliveryKey: null, correlationId: "sale", occurredAt: null },
					event: order(`${++orders}`, [{ item: 0, held: units, external: listing }], { created: soldAt }),
				})),
			);
		const sell = (channel: number, listing: string, units: number) => {
			const soldAt = channels[channel]?.store.sell(listing, units) ?? null;
			if (soldAt === null) return [];
			sold += units;
			return [{ channel, listing, units, soldAt }];
		};

		const changes = chooseChanges(draw);
		const lost = [];
		for (const { kind, channel, listing, figure } of changes) {
			const { store, list, clamped } = channels[channel] as Channel;
			if (kind === "late") lost.push(...sell(channel, listing, OPENING - figure));
			else if (kind === "rejected") store.refuses.set(listing, new RequestRejectedError("The product is locked"));
			else store.figures.set(listing, figure);
			if (kind === "clamped") clamped.add(listing);
			if (kind === "unlinked") list.rows.set(listing, { sku: listing });
		}
		await refuse(shopId, channels, changes);

		// While each channel is read, others sell: what was changed there, what was not, and the same product elsewhere.
		let salesLeft = SALES;
		const hot = changes.filter(({ kind }) => kind === "raised" || kind === "lowered");
		const itemOf = (listing: string) => listing.replace("listing-", "");
		/** A sale elsewhere has a channel written to, and what is read before a write is judged by it: those wait for their own check here. */
		const later = new Map(changes.map(({ channel, listing }) => [itemOf(listing), channel]));
		for (const [reading, { list }] of channels.entries()) {
			const own = hot.filter(({ channel }) => channel === reading);
			list.beforePage = async () => {
				const now = [];
				for (let n = 0; n < SALES_A_PAGE && salesLeft > 0; n++, salesLeft--) {
					const one = draw(3) === 0 ? own[draw(own.length)] : undefined;
					const item = draw(ITEMS);
					if (one) now.push(...sell(reading, one.listing, 1));
					else if ((later.get(String(item)) ?? 0) <= reading) now.push(...sell(draw(CHANNELS), `listing-${item}`, 1));
				}
				await tell(now);
				await drain();
			};
		}
		for (const { id, list } of channels) {
			expect(await checkNow(deps, shopId, id, list.open)).toMatchObject({ outcome: "done" });
			await push();
		}
		expect(salesLeft).toBe(0);

		// The lost orders are found by the poll; then everything from before it is known to be in.
		await tell(lost);
		const isOver = async () =>
			(
				await query(
					`SELECT NOT EXISTS (SELECT FROM reconcile_difference WHERE shop_id = $1 AND state = 'waiting')
					   AND NOT EXISTS (SELECT FROM listing WHERE shop_id = $1 AND dirty_since IS NOT NULL AND NOT parked) AS over`,
				)
			).rows[0]?.over;
		let minute = 1;
		const comeToRest = async () => {
			for (const until = minute + MINUTES_MAX; minute < until && !(await isOver()); minute++) await aMinutePasses();
		};
		const aMinutePasses = async () => {
			// What sold within the last ten seconds is raised after them (plan-write.ts).
			await sleep(1_000);
			await drain();
			const watermark = new Date(Date.now() + minute * 120_000).toISOString();
			await appendEvents(
				pool,
				channels.map(({ id }) => ({
					...{ shopId, connectionId: id, topic: "orders.watermark", source: "app" as const, payload: null, deliveryKey: null },
					...{ correlationId: "poll", occurredAt: null, event: { v: 1 as const, type: "orders.watermark" as const, watermark } },
				})),
			);
			await drain();
			await query(
				"UPDATE listing SET next_attempt_at = NULL, assumed_until = assumed_until - interval '1 hour', uncertain_until = NULL WHERE shop_id = $1 AND dirty_since IS NOT NULL AND NOT parked",
			);
			await push();
			await moments();
			await settleNow(deps, shopId);
			await push();
		};
		await comeToRest();
		// The next hour's: what updates came upon meanwhile is listed by them.
		for (const { id, list } of channels) {
			list.beforePage = () => {};
			expect(await checkNow(deps, shopId, id, list.open)).toMatchObject({ outcome: "done" });
			await push();
		}
		await comeToRest();

		await verdict(shopId, channels, changes);
		const { rows } = await query("SELECT sum(available)::int AS available FROM stock WHERE shop_id = $1");
		expect(rows[0]?.available).toBe(ITEMS * OPENING - sold);
		await expectCoherentState(pool, shopId);
	},
	LONG_MS,
);

async function openChannels(shopId: number, first: number): Promise<Channel[]> {
	const { rows } = await database.pool.query<{ id: number }>(
		`INSERT INTO connection (shop_id, channel, account, name, state, cut_at, order_watermark, webhook_token)
		 SELECT $1::bigint, 'woocommerce', 'store-' || n, 'Store ' || n, 'live', $3, $3, 'store-' || n || '-' || $1::bigint FROM generate_series(2, $2::int) n RETURNING id`,
		[shopId, CHANNELS, at("00:00:00")],
	);
	return [{ id: first }, ...rows].map(({ id }) => {
		const figures = Object.fromEntries(Array.from({ length: ITEMS }, (_, n) => [`listing-${n}`, OPENING]));
		const store = createNeighbourStore(figures, { unitsPerSecond: 100_000, burst: 100_000 });
		const clamped = new Set<string>();
		// What it keeps low it sets at once, whatever it has taken.
		store.strike["after-write"] = () => {
			for (const listing of clamped) store.figures.set(listing, Math.min(CLAMP, store.figures.get(listing) ?? 0));
		};
		return { id, store, clamped, list: createNeighbourList(store, { pageSize: 250 }) };
	});
}
const CLAMP = 5;

/** What the first import and the first push leave: every listing shows its stock. */
async function fillStock(shopId: number, location: number): Promise<void> {
	const { pool } = database;
	await pool.query(
		"INSERT INTO item (shop_id, external_id, sku, title) SELECT $1, 'item-' || n, 'SKU-' || n, 'SKU-' || n FROM generate_series(0, $2::int - 1) n",
		[shopId, ITEMS],
	);
	await pool.query(
		"INSERT INTO stock (shop_id, item_id, location_id, available, home_quantity, home_read_at) SELECT shop_id, id, $2, $3, $3, $4 FROM item WHERE shop_id = $1",
		[shopId, location, OPENING, at("00:00:00")],
	);
	await pool.query(
		`INSERT INTO movement (shop_id, item_id, location_id, delta, after, cause, correlation_id, source_key, occurred_at)
		 SELECT shop_id, item_id, location_id, available, available, 'opening', 'c', 'opening-' || item_id, $2 FROM stock WHERE shop_id = $1`,
		[shopId, at("00:00:00")],
	);
	await pool.query(
		`INSERT INTO listing (shop_id, connection_id, external_id, sku, item_id, link_state, desired, shown, read_at, written_at, updated_at)
		 SELECT i.shop_id, c.id, 'listing-' || substr(i.external_id, 6), i.sku, i.id, 'linked', $2, $2, $3, $3, now() - interval '1 hour'
		 FROM item i JOIN connection c ON c.shop_id = i.shop_id AND NOT c.is_home WHERE i.shop_id = $1 ORDER BY i.id, c.id`,
		[shopId, OPENING, at("01:00:00")],
	);
	await pool.query("ANALYZE");
}

function chooseChanges(draw: (below: number) => number): Change[] {
	const taken = new Set<string>();
	return (Object.entries(CHANGES) as [Kind, number][]).flatMap(([kind, count]) =>
		Array.from({ length: count }, (_, n): Change => {
			for (;;) {
				const channel = draw(CHANNELS);
				// What is sold twice or locked is an item of its own, so that each change can be told from the others'.
				const item = draw(ITEMS);
				if (taken.has(`${item}`)) continue;
				taken.add(`${item}`);
				const listing = kind === "unlinked" ? `own-${n}` : `listing-${item}`;
				const figure = {
					raised: OPENING + 15 + draw(30),
					lowered: 8 + draw(20),
					late: OPENING - 1 - draw(9),
					rejected: OPENING,
					clamped: CLAMP,
					unlinked: draw(9),
				};
				return { kind, channel, listing, figure: figure[kind] };
			}
		}),
	);
}

/** Each was to show less by a rule of its own, was refused, and is set aside. */
async function refuse(shopId: number, channels: readonly Channel[], changes: readonly Change[]): Promise<void> {
	for (const { channel, listing } of changes.filter(({ kind }) => kind === "rejected")) {
		await database.pool.query(
			`UPDATE listing SET policy = '{"kind":"fixed","fixed":3}', desired = 3, parked = true, attempts = 5, dirty_since = now() WHERE shop_id = $1 AND connection_id = $2 AND external_id = $3`,
			[shopId, channels[channel]?.id, listing],
		);
	}
}

async function verdict(shopId: number, channels: readonly Channel[], changes: readonly Change[]): Promise<void> {
	const { rows } = await database.pool.query<{
		connection: number;
		listing: string;
		cause: string;
		state: string;
		found: number;
		mended: number | null;
	}>(
		"SELECT connection_id AS connection, external_id AS listing, cause, state, found, mended_figure AS mended FROM reconcile_difference WHERE shop_id = $1",
		[shopId],
	);
	const keyOf = (connection: number, listing: string) => `${channels.findIndex(({ id }) => id === connection)} ${listing}`;
	const found = Map.groupBy(rows, ({ connection, listing }) => keyOf(connection, listing));
	const wrong = changes.flatMap((change) => {
		const own = found.get(`${change.channel} ${change.listing}`) ?? [];
		return own.some(({ cause }) => cause === CAUSES[change.kind]) ? [] : [{ ...change, own }];
	});
	expect(wrong).toEqual([]);
	// Nobody is accused who has done nothing: what else was found was explained, or mended without a name.
	const known = new Set(changes.map(({ channel, listing }) => `${channel} ${listing}`));
	const others = [...found].filter(([key]) => !known.has(key)).flatMap(([, own]) => own);
	expect(others.filter(({ cause }) => cause !== "late" && cause !== "unknown")).toEqual([]);
	const noted = await database.pool.query<{ connection: number; listing: string }>(
		"SELECT d.connection_id AS connection, l.external_id AS listing FROM difference d JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id WHERE d.shop_id = $1",
		[shopId],
	);
	expect(noted.rows.filter(({ connection, listing }) => !known.has(keyOf(connection, listing)))).toEqual([]);
	const orders = await database.pool.query<{ listing: string }>(
		"SELECT DISTINCT external_ref AS listing FROM order_line WHERE shop_id = $1",
		[shopId],
	);
	const sold = new Set(orders.rows.map(({ listing }) => listing));

	// By the stores' own figures: each shows what it must, and nothing waits.
	const listings = await database.pool.query<{
		connection: number;
		listing: string;
		desired: number;
		parked: boolean;
		unseen: number;
		dirty: boolean;
	}>(
		`SELECT connection_id AS connection, external_id AS listing, desired, parked, unseen, dirty_since IS NOT NULL AS dirty FROM listing WHERE shop_id = $1 AND link_state = 'linked'`,
		[shopId],
	);
	const kept = new Set(changes.filter(({ kind }) => kind === "clamped").map(({ channel, listing }) => `${channel} ${listing}`));
	const off = listings.rows.filter(({ connection, listing, desired, parked, dirty }) => {
		const index = channels.findIndex(({ id }) => id === connection);
		if (parked || kept.has(`${index} ${listing}`)) return false;
		return dirty || channels[index]?.store.figures.get(listing) !== desired;
	});
	expect(off.slice(0, 5)).toEqual([]);
	expect(rows.filter(({ state }) => state === "waiting")).toEqual([]);
	expect(rows.filter(({ cause, state }) => (cause === "another-writer" || cause === "late") && state === "open")).toEqual([]);
	// Written is only what was changed, what sold, and what sells the same product elsewhere.
	const written = channels.flatMap(({ store }) => store.calls.filter(({ operation }) => operation === "write").flatMap(({ ids }) => ids));
	const mayBe = new Set([...sold, ...changes.map(({ listing }) => listing)]);
	expect(written.filter((listing) => !mayBe.has(listing))).toEqual([]);
}
