import type { WooMarket } from "../markets/woocommerce.ts";
import type { Outside } from "../outside.ts";
import { SHOP_DOMAIN } from "../outside.ts";
import type { App } from "../processes.ts";
import { DOWN, LATE, LIMITED, PICKY, REVOKED } from "./stores.ts";

const SECOND_MS = 1_000;
/** When what begins and ends, from the first sale on. */
const BEGIN_MS = 10 * SECOND_MS;
const LIMITED_MS = 120 * SECOND_MS;
const DOWN_MS = 300 * SECOND_MS;
const REVOKED_MS = 180 * SECOND_MS;
/** All of it, with a moment before and after. */
export const FAULTY_RUN_MS = BEGIN_MS + DOWN_MS + 20 * SECOND_MS;
export const RETRY_AFTER_SECONDS = 20;
/** Past the 30 s after which a careful caller gives up: the write lands all the same, over a newer one. */
const LANDS_AFTER_MS = 35 * SECOND_MS;
const LATE_SHARE = 0.04;
export const REFUSED_PRODUCTS = 3;

/** From when to when (sandbox time) a store was in its trouble. */
export type Trouble = { store: string; from: number; until: number };
export type Troubles = {
	list: Trouble[] /** Resolves when the last is over; rejects when the merchant could not mend one. */;
	over: Promise<void>;
};

/** Switches the five troubles on and off again by the sandbox's clock; `refused`: what the picky store takes no figure for from now on. */
export function breakThings(outside: Outside, running: App, refused: readonly string[]): Troubles {
	const { clock, faults } = outside.world;
	const begin = clock.now();
	const list: Trouble[] = [];
	const during = async (store: string, afterMs: number, lengthMs: number, start: () => void, stop: () => void | Promise<void>) => {
		const trouble = { store, from: begin + afterMs, until: begin + afterMs + lengthMs };
		list.push(trouble);
		await clock.sleep(afterMs);
		trouble.from = clock.now();
		start();
		await clock.sleep(lengthMs);
		await stop();
		trouble.until = clock.now();
	};
	const writes = (operation: string) => !operation.startsWith("GET") && operation.includes("products");
	const revoked = storeOf(outside, REVOKED);
	storeOf(outside, PICKY).store.lockProducts(refused);
	const all = [
		during(
			LIMITED,
			BEGIN_MS,
			LIMITED_MS,
			() => faults.onRequests(LIMITED, "limited", 1, { kind: "status", status: 429, retryAfterSeconds: RETRY_AFTER_SECONDS }),
			() => faults.clear(LIMITED),
		),
		during(
			DOWN,
			BEGIN_MS,
			DOWN_MS,
			() => faults.onRequests(DOWN, "down", 1, { kind: "status", status: 502 }),
			() => faults.clear(DOWN),
		),
		during(
			LATE,
			BEGIN_MS,
			DOWN_MS,
			() => faults.onRequests(LATE, "late", LATE_SHARE, { kind: "slow", delayMs: LANDS_AFTER_MS }, writes),
			() => faults.clear(LATE),
		),
		during(
			REVOKED,
			BEGIN_MS * 2,
			REVOKED_MS,
			() => revoked.revokeKey(),
			async () => {
				revoked.makeKey();
				await running.run("scripts/connect.ts", [
					"--shop",
					SHOP_DOMAIN,
					"--channel",
					revoked.channel,
					...(await revoked.connectArgs()),
					"--renew",
				]);
			},
		),
	];
	return { list, over: Promise.all(all).then(() => {}) };
}

function storeOf(outside: Outside, id: string): WooMarket {
	const market = outside.markets.find((one) => one.id === id);
	if (!market || !("store" in market)) throw new Error(`There is no store ${id}`);
	return market as WooMarket;
}
