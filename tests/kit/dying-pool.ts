import type pg from "pg";

/** What a process that was killed gives back: nothing, ever again. */
export class Killed extends Error {
	override readonly name = "Killed";
}

/**
 * The database as a process sees it that is killed at its k-th statement, before it reaches the server or after it was carried
 * out: from then on nothing comes through any more, and open transactions are rolled back by the server.
 */
export function dyingPool(
	pool: pg.Pool,
	{ at, moment }: { at: number; moment: "before" | "after" },
): { pool: pg.Pool; statements: () => number } {
	let statements = 0;
	let dead = false;
	const guard = async <T>(run: () => Promise<T>): Promise<T> => {
		if (dead) throw new Killed();
		const isLast = ++statements === at;
		if (isLast) dead = true;
		if (isLast && moment === "before") throw new Killed();
		const result = await run();
		if (dead) throw new Killed();
		return result;
	};
	const connect = async () => {
		if (dead) throw new Killed();
		const client = await pool.connect();
		return new Proxy(client, {
			get(target, name) {
				if (name === "query")
					return (...args: unknown[]) => guard(() => (target.query as (...all: unknown[]) => Promise<unknown>)(...args));
				// A connection of the dead goes away with everything that was not committed.
				if (name === "release") return (broken?: Error | boolean) => target.release(dead ? true : broken);
				const value = Reflect.get(target, name, target) as unknown;
				return typeof value === "function" ? value.bind(target) : value;
			},
		});
	};
	const dying = new Proxy(pool, {
		get(target, name) {
			if (name === "query") return (...args: unknown[]) => guard(() => (target.query as (...all: unknown[]) => Promise<unknown>)(...args));
			if (name === "connect") return connect;
			const value = Reflect.get(target, name, target) as unknown;
			return typeof value === "function" ? value.bind(target) : value;
		},
	});
	return { pool: dying, statements: () => statements };
}

/** Counts a clean run's statements, then says each place and moment to be killed at: every `step`-th. */
export function placesToDie(statements: number, step = 1): { at: number; moment: "before" | "after" }[] {
	const places: { at: number; moment: "before" | "after" }[] = [];
	for (let at = 1; at <= statements; at += step) places.push({ at, moment: "before" }, { at, moment: "after" });
	return places;
}
