import { setTimeout as sleep } from "node:timers/promises";
import type { Channel, ChannelClient, ListingRef } from "#app/channels/channel.ts";
import { type Deps, openClient } from "#connections";
import { ALL_FAILURES, isReadable, joins, whereOf } from "#dead-letters";
import type { Chosen } from "./ask.ts";

const SAMPLE_MAX = 10;
const COUNTED_MAX = 50_000;
/** A person waits for the page; a channel that needs longer is not read for it. */
const READ_MS = 4_000;

export type ReplaySample = {
	letterId: number;
	subject: string;
	sku: string;
	connectionId: number;
	errorClass: string;
	/** Should show now, and what would be sent; null: it is about no listing, or nothing is known yet. */
	now: number | null;
	wouldSend: number | null;
	/** The channel's own figure, read just now. not-asked: it is about no listing, or its channel cannot be asked now. */
	shows: { read: number | null } | { unread: "not-asked" | "no-answer" };
};
export type ReplayPreview = {
	/** Failures that are chosen, up to a bound; of these: figures to send (each once, however often it failed), messages, and what cannot be tried. */
	failures: number;
	more: boolean;
	updates: number;
	messages: number;
	cannot: number;
	channels: { connectionId: number; updates: number }[];
	sample: ReplaySample[];
};

/** What trying them again would do, before anything is done: today's figures, and beside some of them what the channel itself shows. */
export async function previewReplay(deps: Deps, shopId: number, chosen: Chosen, open: Open = openClient): Promise<ReplayPreview> {
	const { where, values } = whereOf(shopId, "filter" in chosen ? chosen.filter : ALL_FAILURES);
	const only = "filter" in chosen ? `d.id <= $${values.push(chosen.throughId)}` : `d.id = ANY($${values.push(chosen.ids)})`;
	const { rows: counts } = await deps.pool.query<{
		connection_id: number;
		kind: "update" | "message" | "cannot";
		failures: number;
		targets: number;
	}>(
		`SELECT connection_id, kind, count(*)::int AS failures, count(DISTINCT target)::int AS targets FROM (
		   SELECT d.connection_id, coalesce('l' || d.listing_id, 's' || (d.payload->>'itemId') || ':' || (d.payload->>'locationId'), 'e' || d.event_id) AS target,
		     CASE WHEN d.listing_id IS NOT NULL OR (d.delta_batch_id IS NOT NULL AND d.payload ? 'locationId') THEN 'update' WHEN ${isReadable} THEN 'message'
		       ELSE 'cannot' END AS kind
		   FROM dead_letter d ${joins} WHERE ${where} AND ${only} ORDER BY d.id LIMIT $${values.length + 1}) chosen
		 GROUP BY 1, 2 ORDER BY 1`,
		[...values, COUNTED_MAX + 1],
	);
	const sum = (kind: string, of: "failures" | "targets") => counts.reduce((all, row) => all + (row.kind === kind ? row[of] : 0), 0);
	const failures = counts.reduce((all, row) => all + row.failures, 0);
	return {
		failures: Math.min(failures, COUNTED_MAX),
		more: failures > COUNTED_MAX,
		updates: sum("update", "targets"),
		messages: sum("message", "targets"),
		cannot: sum("cannot", "failures"),
		channels: counts.flatMap(({ connection_id, kind, targets }) =>
			kind === "update" ? [{ connectionId: connection_id, updates: targets }] : [],
		),
		sample: await readSample(deps, shopId, open, { where, values, only }),
	};
}

/** What of a channel is used: one reading. */
type Open = (
	deps: Deps,
	shopId: number,
	connectionId: number,
) => Promise<{ channel: Pick<Channel, "capabilities">; client: Pick<ChannelClient, "readStock" | "close"> }>;
type Asked = { connectionId: number; asked: readonly SampleRow[]; open: Open };
type SampleRow = Omit<ReplaySample, "shows"> & {
	listingId: number | null;
	externalId: string | null;
	parentExternalId: string | null;
	isReachable: boolean;
};

async function readSample(
	deps: Deps,
	shopId: number,
	open: Open,
	{ where, values, only }: { where: string; values: readonly unknown[]; only: string },
): Promise<ReplaySample[]> {
	const { rows } = await deps.pool.query<SampleRow>(
		`SELECT d.id AS "letterId", coalesce(nullif(i.title, ''), nullif(l.title, ''), nullif(i.sku, ''), l.sku, '') AS subject, coalesce(i.sku, l.sku, '') AS sku,
		   d.connection_id AS "connectionId", d.error_class AS "errorClass", l.desired AS now, CASE WHEN l.desired IS NOT NULL THEN greatest(l.desired - l.unseen, 0) END AS "wouldSend",
		   l.id AS "listingId", l.external_id AS "externalId", l.parent_external_id AS "parentExternalId",
		   coalesce(c.state IN ('live', 'watching', 'paused') AND (c.breaker_until IS NULL OR c.breaker_until <= now()), false) AS "isReachable"
		 FROM dead_letter d ${joins} LEFT JOIN connection c ON c.shop_id = d.shop_id AND c.id = d.connection_id
		 WHERE ${where} AND ${only} ORDER BY d.id DESC LIMIT $${values.length + 1}`,
		[...values, SAMPLE_MAX],
	);
	const shown = new Map<number, ReplaySample["shows"]>();
	const connectionIds = [
		...new Set(rows.flatMap(({ listingId, isReachable, connectionId }) => (listingId !== null && isReachable ? [connectionId] : []))),
	];
	await Promise.all(
		connectionIds.map(async (connectionId) => {
			const asked = rows.filter((row) => row.connectionId === connectionId && row.listingId !== null);
			const read = await Promise.race([readShown(deps, shopId, { connectionId, asked, open }), sleep(READ_MS, null, { ref: false })]);
			for (const [index, { letterId }] of asked.entries()) {
				const figure = read?.[index];
				shown.set(letterId, figure === undefined ? { unread: "no-answer" } : { read: figure });
			}
		}),
	);
	return rows.map(({ listingId, externalId, parentExternalId, isReachable, ...row }) => ({
		...row,
		shows: shown.get(row.letterId) ?? { unread: "not-asked" as const },
	}));
}

/** One call, paid from the account's budget as any other. null: it did not answer, or wants no more calls now. */
async function readShown(deps: Deps, shopId: number, { connectionId, asked, open }: Asked): Promise<(number | null)[] | null> {
	try {
		const { channel, client } = await open(deps, shopId, connectionId);
		try {
			const refs: ListingRef[] = asked
				.slice(0, channel.capabilities.readBatchSize)
				.map(({ externalId, parentExternalId }) => ({ externalId: externalId ?? "", parentExternalId }));
			const { readings } = await client.readStock(refs);
			return readings.map((reading) => reading?.quantity ?? null);
		} finally {
			await client.close();
		}
	} catch (error) {
		deps.log.info({ err: error, shopId, connectionId }, "replay.not_read");
		return null;
	}
}
