import { once } from "node:events";
import { finished } from "node:stream/promises";
import { type CopyStreamQuery, from as copyFrom } from "pg-copy-streams";
import { type Client, type Pool, transaction } from "#app/db.server.ts";

/** A database that crashes has lost the table anyway: its commits wait for no disk, and sales do not wait behind them. */
const NOT_FOR_GOOD = "BEGIN; SET LOCAL synchronous_commit = off";

/** A COPY that is open for a moment. What is handed over is on its way at once; all of it stands when it has ended, or nothing does. */
export type CopyBatch = {
	/** Resolves when there is room for more; throws what has broken the batch. */
	write(lines: string): Promise<void>;
	/** Nothing more comes. Twice is once. */
	end(): void;
	/** Nothing of it is to stand. */
	abandon(): void;
	readonly hasEnded: boolean;
	/** Resolves when everything stands, and rejects when nothing does. */
	readonly written: Promise<void>;
};

/**
 * Begins a transaction with a COPY. `finish`: its last statements; what they throw undoes the rows. `longestMs`: ended by itself then,
 * so that a list which pauses holds no connection.
 */
export async function openBatch(
	pool: Pool,
	{ copy: sql, longestMs, finish }: { copy: string; longestMs: number; finish: (tx: Client) => Promise<void> },
): Promise<CopyBatch> {
	const opening = Promise.withResolvers<CopyStreamQuery>();
	const written = transaction(
		pool,
		async (tx) => {
			const stream = copyFrom(sql);
			// Listened to before it begins: a connection that breaks in between fails this transaction and not the process.
			const done = finished(stream);
			done.catch(() => {});
			await tx.query(stream);
			opening.resolve(stream);
			await done;
			await finish(tx);
		},
		{ begin: NOT_FOR_GOOD },
	);
	// Whoever waits for it next is told of its failure.
	written.catch(opening.reject);
	const stream = await opening.promise;
	let hasEnded = false;
	const over = (how: () => void) => {
		if (hasEnded) return;
		hasEnded = true;
		clearTimeout(timer);
		how();
	};
	const end = () => over(() => stream.end());
	const timer = setTimeout(end, longestMs);
	return {
		written,
		end,
		abandon: () => over(() => stream.destroy(new Error("The list broke off"))),
		get hasEnded() {
			return hasEnded;
		},
		async write(lines) {
			if (!stream.write(lines)) await Promise.race([once(stream, "drain"), written]);
		},
	};
}
