import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Limits } from "#app/channels/channel.ts";
import { RateLimitedError } from "#app/channels/errors.ts";

/** Calls take hundreds of milliseconds; asking this often loses little of a slot that becomes free. */
const POLL_MS = { least: 10, spread: 30 };
/** The session is given back after so long without a call under way. */
const SESSION_IDLE_MS = 10_000;

export type CallSlots = { take(account: { shopId: number; connectionId: number; limits: Limits }, until: number): Promise<() => void> };

/**
 * How many requests one account has in flight, over all processes: one advisory lock per slot, held by one session of this
 * process for as long as the request runs. Locks of a session rather than rows with a lease, because a killed process frees
 * them at once (with leases a crash would stop the account for as long as a lease lasts), and a long request keeps them.
 * The session is not the pool's: it is open only while calls are made, and holds no transaction.
 */
export function callSlots(pool: pg.Pool): CallSlots {
	const known = byPool.get(pool);
	if (known) return known;
	const made = createCallSlots(pool);
	byPool.set(pool, made);
	return made;
}
const byPool = new WeakMap<pg.Pool, CallSlots>();

function createCallSlots(pool: pg.Pool): CallSlots {
	/** Slots that this process has or is asking for: the same session would get its own lock a second time. */
	let held = new Set<string>();
	let session: Promise<pg.Client> | undefined;
	let idle: NodeJS.Timeout | undefined;

	const open = (): Promise<pg.Client> => {
		clearTimeout(idle);
		session ??= connect(pool, () => {
			// The server has freed its locks; what still runs is counted no more, for the seconds that it takes.
			session = undefined;
			held = new Set();
		}).catch((error: unknown) => {
			session = undefined;
			throw error;
		});
		return session;
	};

	const rest = () => {
		clearTimeout(idle);
		if (held.size > 0) return;
		idle = setTimeout(() => {
			const ending = session;
			session = undefined;
			ending?.then((client) => client.end()).catch(() => {});
		}, SESSION_IDLE_MS);
		idle.unref();
	};

	const tryOne = async (name: string): Promise<(() => void) | null> => {
		if (held.has(name)) return null;
		const mine = held;
		mine.add(name);
		try {
			const client = await open();
			const { rows } = await client.query<{ got: boolean }>("SELECT pg_try_advisory_lock($1) AS got", [lockKey(name)]);
			if (rows[0]?.got) {
				return () => {
					// Statements of one session run in order, so whoever takes the slot next asks after this.
					client.query("SELECT pg_advisory_unlock($1)", [lockKey(name)]).catch(() => {});
					mine.delete(name);
					rest();
				};
			}
		} catch (error) {
			mine.delete(name);
			throw error;
		}
		mine.delete(name);
		rest();
		return null;
	};

	return {
		async take({ shopId, connectionId, limits }, until) {
			for (;;) {
				for (let slot = 0; slot < limits.concurrency; slot++) {
					const release = await tryOne(`${shopId}:${connectionId}:${slot}`);
					if (release) return release;
				}
				if (Date.now() > until) {
					throw new RateLimitedError(`All ${limits.concurrency} calls that connection ${connectionId} may have under way are taken`);
				}
				await sleep(POLL_MS.least + Math.random() * POLL_MS.spread);
			}
		},
	};
}

async function connect(pool: pg.Pool, onEnd: () => void): Promise<pg.Client> {
	const client = new pg.Client({ ...pool.options, application_name: `${pool.options.application_name ?? "lockstep"} calls` });
	client.on("error", () => {});
	client.on("end", onEnd);
	await client.connect();
	// It must not keep a process alive that has nothing else to do. (@types/pg 8 does not know the method.)
	(client as pg.Client & { unref(): void }).unref();
	return client;
}

/** Advisory locks are numbers and shared by all that use this database: 64 bits of a hash never meet another's by chance. */
const lockKey = (name: string): string => createHash("sha256").update(`lockstep call ${name}`).digest().readBigInt64BE().toString();
