import type { Queryable } from "#app/db.server.ts";
import { type Channel, channels, type MessageQueue } from "#channels";
import { appSettingsOf, type Deps } from "#connections";
import { laneOf } from "#domain";
import { appendEvents } from "#inbox";
import type { Append } from "../group-commit.ts";
import { createSenders, findLiveByAccount, readKey } from "../senders.ts";
import { createWaker } from "../waker.ts";
import { type PullDeps, type Pulling, pullQueue } from "./pull-queue.ts";

/** Half of the shortest usual time for which a queue hides what it has given out (SQS: 30 s): a batch later than this comes again. */
const APPEND_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Pulls every queue of every channel that is set up on this server. None: nothing, and no cost. For worker processes, as many
 * as there are.
 */
export function createPulling(deps: Deps, options: Pick<PullDeps, "backoffFirstMs"> = {}): Pulling & { queues: readonly string[] } {
	const bounded = (ms: number) => ({
		query: (text: string, values?: unknown[]) => deps.pool.query({ text, values, query_timeout: ms } as never),
	});
	const append: Append = (rows) => appendEvents(bounded(APPEND_TIMEOUT_MS) as unknown as Queryable, rows);
	const waker = createWaker(deps.wake);
	const senders = createSenders(async (key) => {
		const { channel, value } = readKey(key);
		const found = await findLiveByAccount(deps.pool, channel, value);
		return found && { shopId: found.shopId, connectionId: found.connectionId, account: found.account, secrets: [] };
	});
	const pulled = channels().flatMap((channel) => {
		return queuesOf(deps, channel).map((queue) => ({
			name: queue.name,
			pulling: pullQueue({
				channel,
				queue,
				senders,
				append,
				log: deps.log,
				probe: () => bounded(PROBE_TIMEOUT_MS).query("SELECT 1"),
				committed(rows) {
					for (const { event, shopId } of rows) {
						if (event) waker.wake(laneOf(event) === "stock" ? "apply.drain" : "connections.lifecycle", { shopId });
					}
				},
				...options,
			}),
		}));
	});
	return {
		queues: pulled.map(({ name }) => name),
		async close() {
			await Promise.all(pulled.map(({ pulling }) => pulling.close()));
			await waker.close();
		},
	};
}

/** A setting that makes no queue stops that channel's messages, which the order poll finds, and nothing else of this process. */
function queuesOf(deps: Deps, channel: Channel): readonly MessageQueue[] {
	const app = appSettingsOf(deps, channel);
	try {
		return app === null ? [] : (channel.messageQueues?.(app) ?? []);
	} catch (error) {
		deps.log.error({ err: error, channel: channel.id }, "queue.not_opened");
		return [];
	}
}
