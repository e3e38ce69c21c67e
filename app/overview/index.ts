import { type Pool, type Queryable, transaction } from "#app/db.server.ts";
import { readOpenSets } from "#app/guards/index.ts";
import { apiCalendar } from "#channels";
import { findEndingConsents } from "#connections";
import type { ChannelOverview, EndingVersion, LagHours, NameOf, Overview } from "./overview.ts";
import { readAlerts } from "./sql/read-alerts.ts";
import { readAttention } from "./sql/read-attention.ts";
import { readChannels } from "./sql/read-channels.ts";
import { readHomeFigures } from "./sql/read-home-figures.ts";
import { readKeptFigures } from "./sql/read-kept-figures.ts";
import { readKeptPaused } from "./sql/read-kept-paused.ts";
import { readLagHours as readHours } from "./sql/read-lag-hours.ts";
import { readListings } from "./sql/read-listings.ts";
import { readNames } from "./sql/read-names.ts";
import { readOversells } from "./sql/read-oversells.ts";
import { readSales } from "./sql/read-sales.ts";
import { readShop } from "./sql/read-shop.ts";
import { readWaiting } from "./sql/read-waiting.ts";

export type * from "./overview.ts";

/**
 * Everything the overview page shows, as of one moment: the statements share one read-only snapshot, so that the figures agree
 * with each other while sales run. Every open page asks every few seconds: each statement stays on an index, and what it lists
 * or counts is bounded (the bounds stand beside them).
 */
export async function readOverview(pool: Pool, shopId: number): Promise<Overview> {
	return transaction(
		pool,
		async (client) => {
			const names = await readNames(client, shopId);
			const nameOf: NameOf = (connectionId) => names.get(connectionId) ?? "";
			const connected = await readChannelsWithListings(client, shopId, nameOf);
			return {
				...(await readShop(client, shopId)),
				channels: connected,
				waiting: await readWaiting(client, shopId),
				oversells: await readOversells(client, shopId, nameOf),
				approvals: await readApprovals(client, shopId),
				keptFigures: await readKeptFigures(client, shopId),
				keptPaused: await readKeptPaused(client, shopId),
				consents: await readConsents(client, shopId, nameOf),
				versions: endingVersions(connected, new Date()),
				alerts: await readAlerts(client, shopId, nameOf),
				attention: await readAttention(client, shopId, nameOf),
				sales: await readSales(client, shopId, nameOf),
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}

/** The delays of the last 24 hours, hour by hour, of the channels that have any. Read now and then, not with every look. */
export const readLagHours = (db: Queryable, shopId: number): Promise<LagHours> => readHours(db, shopId);

/** What somebody has chosen to keep, or is being done, asks nobody any more. */
const readApprovals = async (client: Queryable, shopId: number) =>
	(await readOpenSets(client, shopId)).flatMap(({ id, kind, openedAt, waiting, passed, keptAt }) =>
		waiting > 0 && keptAt === null ? [{ id, kind, since: openedAt, products: waiting, passed }] : [],
	);

const readConsents = async (client: Queryable, shopId: number, nameOf: NameOf) =>
	(await findEndingConsents(client, shopId)).map(({ connectionId, endsAt }) => ({
		connectionId,
		channel: nameOf(connectionId),
		endsAt: endsAt.toISOString(),
	}));

/** Of channels that are connected: of the others it makes no difference to anybody. */
const endingVersions = (connected: readonly ChannelOverview[], now: Date): EndingVersion[] =>
	apiCalendar(now).flatMap(({ channel, name, pinned, sunsetAt, state }) =>
		sunsetAt !== null && (state === "ends-soon" || state === "ended") && connected.some((one) => one.channel === channel)
			? [{ name, pinned, endsAt: sunsetAt, hasEnded: state === "ended" }]
			: [],
	);

const NO_LISTINGS = { listings: 0, unlinked: 0, behind: 0, behindSince: null, pausedListings: 0 };

async function readChannelsWithListings(client: Queryable, shopId: number, nameOf: NameOf): Promise<ChannelOverview[]> {
	const connections = await readChannels(client, shopId, nameOf);
	const listings = await readListings(client, shopId);
	const home = await readHomeFigures(client, shopId);
	return connections.map((connection) => {
		if (connection.isHome) return { ...connection, ...home };
		const counts = listings.get(connection.id);
		return { ...connection, ...((connection.state === "watching" ? counts?.watching : counts?.live) ?? NO_LISTINGS) };
	});
}
