import { createHash, randomUUID } from "node:crypto";
import pg from "pg";

/** The session is given back after so long without anything held in it. */
const IDLE_MS = 10_000;

/**
 * One database session of this process for what must end with the process itself: advisory locks, which the server frees the
 * moment the session is gone. So a killed worker's calls and claims are free at once, where a row with a lease would keep them
 * for as long as the lease lasts. It is not one of the pool's, is open only while something is held, and runs no transaction.
 */
export type ProcessSession = {
	/** The lock of this name, if nobody has it, in whatever process. */
	tryLock(name: string): Promise<Held | null>;
	/**
	 * A sign of life: as long as it is held, `key` is locked by this session. Others see with `OWNER_IS_GONE` whether the owner
	 * of a claim still lives.
	 */
	signOfLife(): Promise<Held & { key: string }>;
};
type Held = { release(): void };

/** SQL: the process that wrote this claim token (`<key>:<anything>`) is gone. Its key is free to be had; it is let go at once. */
export const OWNER_IS_GONE = (token: string): string =>
	`CASE WHEN ${token} ~ '^-?[0-9]+:' THEN pg_try_advisory_xact_lock_shared(split_part(${token}, ':', 1)::bigint) ELSE false END`;

export function processSession(pool: pg.Pool): ProcessSession {
	const known = byPool.get(pool);
	if (known) return known;
	const made = createSession(pool);
	byPool.set(pool, made);
	return made;
}
const byPool = new WeakMap<pg.Pool, ProcessSession>();

/** What one server session holds; when it ends, all of it is gone together. */
type Session = { client: Promise<pg.Client>; held: Set<string>; life?: Promise<string>; lives: number };

function createSession(pool: pg.Pool): ProcessSession {
	let current: Session | undefined;
	let idle: NodeJS.Timeout | undefined;

	const open = (): Session => {
		clearTimeout(idle);
		if (current) return current;
		const session: Session = { client: undefined as never, held: new Set(), lives: 0 };
		const forget = () => {
			if (current === session) current = undefined;
		};
		session.client = connect(pool, forget);
		session.client.catch(forget);
		current = session;
		return session;
	};

	const rest = (session: Session) => {
		if (session !== current || session.held.size > 0 || session.lives > 0) return;
		clearTimeout(idle);
		idle = setTimeout(() => {
			if (session !== current || session.held.size > 0 || session.lives > 0) return;
			current = undefined;
			session.client.then((client) => client.end()).catch(() => {});
		}, IDLE_MS);
		idle.unref();
	};

	return {
		async tryLock(name) {
			const session = open();
			// The same session would be given its own lock a second time.
			if (session.held.has(name)) return null;
			session.held.add(name);
			let got = false;
			try {
				const client = await session.client;
				got = await lock(client, keyOf(name));
				if (!got) return null;
				return {
					release: once(() => {
						// Statements of one session run in order, so whoever takes the name next asks after this.
						client.query("SELECT pg_advisory_unlock($1)", [keyOf(name)]).catch(() => {});
						session.held.delete(name);
						rest(session);
					}),
				};
			} finally {
				if (!got) session.held.delete(name);
				rest(session);
			}
		},
		async signOfLife() {
			const session = open();
			session.lives++;
			const release = once(() => {
				session.lives--;
				rest(session);
			});
			try {
				session.life ??= session.client.then(async (client) => {
					const key = keyOf(`life ${randomUUID()}`);
					if (!(await lock(client, key))) throw new Error("A key that was drawn just now is taken");
					return key;
				});
				return { key: await session.life, release };
			} catch (error) {
				release();
				throw error;
			}
		},
	};
}

async function connect(pool: pg.Pool, onEnd: () => void): Promise<pg.Client> {
	const client = new pg.Client({ ...pool.options, application_name: `${pool.options.application_name ?? "lockstep"} session` });
	client.on("error", () => {});
	client.on("end", onEnd);
	await client.connect();
	// It must not keep a process alive that has nothing else to do. (@types/pg 8 does not know the method.)
	(client as pg.Client & { unref(): void }).unref();
	return client;
}

async function lock(client: pg.Client, key: string): Promise<boolean> {
	const { rows } = await client.query<{ got: boolean }>("SELECT pg_try_advisory_lock($1) AS got", [key]);
	return rows[0]?.got ?? false;
}

/** Advisory locks are numbers and shared by all that use this database: 64 bits of a hash never meet another's by chance. */
const keyOf = (name: string): string => createHash("sha256").update(`lockstep ${name}`).digest().readBigInt64BE().toString();

function once(work: () => void): () => void {
	let done = false;
	return () => {
		if (done) return;
		done = true;
		work();
	};
}
