import type pg from "pg";
import { pino } from "pino";
import type { AccountAccess } from "#app/channels/channel.ts";
import { budgetHooks } from "#app/connections/budget.ts";
import type { DeliveryChannel, DeliveryClient, DeliveryDeps } from "#delivery";

/** Delivery with the neighbours' clients, paid from the real budgets: what `server/handlers.ts` does for real channels. */
export const deliveryDeps = (
	pool: pg.Pool,
	neighbours: ReadonlyMap<number, Neighbour>,
	log = pino({ level: process.env.TEST_LOG ?? "silent" }),
): DeliveryDeps => ({
	pool,
	log,
	openClient: async (shopId, connectionId) => {
		const neighbour = neighbours.get(connectionId);
		if (!neighbour) return null;
		const { channel } = neighbour;
		const budget = budgetHooks({ pool, warn: (error) => log.warn(error) }, { shopId, connectionId, limits: channel.limits });
		return { channel, client: neighbour.connect(budget) };
	},
});

type Neighbour = { channel: DeliveryChannel; connect(access: Pick<AccountAccess, "beforeCall" | "onCall">): DeliveryClient };
