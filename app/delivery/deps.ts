import type { Pool } from "pg";
import type { Logger } from "pino";
import type { Channel, ChannelClient, HomeClient } from "#app/channels/channel.ts";

/** What delivery is given instead of reaching for the environment. */
export type DeliveryDeps = {
	pool: Pool;
	log: Logger;
	/**
	 * A client for the connection whose every request is paid by `budgetHooks` (connections/budget.ts); opening it sends
	 * nothing. null: nothing may be sent for it any more (disconnected, uninstalled).
	 */
	openClient(shopId: number, connectionId: number): Promise<{ channel: DeliveryChannel; client: DeliveryClient } | null>;
	/** Called after a commit that put an event into the shop's inbox. Losing the call loses nothing: the sweeper finds it. */
	onEvent?: (shopId: number) => void;
};

/** What delivery uses of a channel. */
export type DeliveryChannel = Pick<Channel, "capabilities" | "limits">;
export type DeliveryClient = Pick<ChannelClient, "readStock" | "writeStock" | "close"> & { home?: Pick<HomeClient, "adjust"> };

/** What became of one push. Nothing that waits is forgotten, whatever it says: the sweeper finds it. */
export type PushOutcome =
	/** Nothing is due now. `againInMs`: something will be, after so long. */
	| { outcome: "done"; againInMs: number | null; attempts: number }
	/** The time slice is over: wake me again. */
	| { outcome: "more"; attempts: number }
	/** The connection is not to be written to: paused, disconnected, uninstalled. */
	| { outcome: "closed" };
