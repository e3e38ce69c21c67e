import { ChannelError } from "#app/channels/errors.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { refreshListings } from "#apply";
import type { Channel, ChannelClient, StockReading } from "#channels";
import type { Policy } from "#domain";
import { targetOf } from "#listings";
import type { Deps } from "../deps.ts";
import { openClient } from "../open-client.ts";
import { NOT_LIVE_YET } from "./partly-live.ts";
import { patiently } from "./patiently.ts";
import { readStandings, type Standing, showing } from "./standings.ts";

export type DryRun = {
	/** Linked listings that would be written to if their figure is not right; those that the merchant paused are left out. */
	listings: number;
	/** Of what is available, units that the rules keep back, and on how many listings. */
	heldBack: number;
	heldBackOn: number;
	/** Listings whose figure would change, and how. */
	changes: number;
	increases: number;
	decreases: number;
	toZero: number;
	/** The channel keeps no stock for them, so nothing can be written; a person has to switch that on there. */
	unmanaged: number;
	/** The channel does not know them any more. */
	gone: number;
	sample: { listingId: number; sku: string | null; title: string; from: number; to: number }[];
};
/** A listing that would change, or that cannot be brought to its figure. */
export type DryRunLine = { listingId: number; from: number | null; to: number | null; problem: "unmanaged" | "gone" | null };
export type DryRunOutcome = ({ outcome: "ran" } & DryRun) | { outcome: "failed"; reason: string };

const SAMPLE_MAX = 200;

/**
 * Reads what the channel shows now and says what the first push would do. Nothing is written to the channel (R42). `onLines`: told
 * page by page what would change, and how many listings were looked at. Those that only wait to go live are looked at as well.
 */
export async function dryRun(
	deps: Deps,
	shopId: number,
	connectionId: number,
	{ onLines = async () => {} }: { onLines?: (lines: readonly DryRunLine[], lookedAt: number) => Promise<void> } = {},
): Promise<DryRunOutcome> {
	await refreshListings(applyDepsOf(deps), shopId, { connectionId });
	const { client, channel, connection } = await openClient(deps, shopId, connectionId);
	const held = heldBack(await readStandings(deps.pool, shopId, connectionId), connection.policy);
	const result: DryRun = { listings: 0, ...held, changes: 0, increases: 0, decreases: 0, toZero: 0, unmanaged: 0, gone: 0, sample: [] };
	try {
		for (let after = 0; ; ) {
			const { rows } = await deps.pool.query<Row>(pageStatement, [
				shopId,
				connectionId,
				after,
				channel.capabilities.readBatchSize,
				NOT_LIVE_YET,
			]);
			const last = rows.at(-1);
			if (!last) return { outcome: "ran", ...result };
			after = last.id;
			const readings = await patiently(() => read(client, rows));
			await onLines(
				rows.flatMap((row, index) => count(result, row, readings[index] ?? null, channel)),
				result.listings,
			);
		}
	} catch (error) {
		if (!(error instanceof ChannelError)) throw error;
		return { outcome: "failed", reason: error.message };
	} finally {
		await client.close();
	}
}

type Row = {
	id: number;
	externalId: string;
	parentExternalId: string | null;
	sku: string | null;
	title: string;
	desired: number;
	shown: number | null;
	unseen: number;
};

const pageStatement = `
SELECT id, external_id AS "externalId", parent_external_id AS "parentExternalId", sku, title, desired, shown,
  unseen - assumed AS unseen FROM listing
WHERE shop_id = $1 AND connection_id = $2 AND link_state = 'linked' AND (NOT paused OR paused_reason = $5) AND desired IS NOT NULL AND id > $3
ORDER BY id LIMIT $4`;

async function read(client: ChannelClient, rows: readonly Row[]): Promise<(StockReading | null)[]> {
	const { readings } = await client.readStock(rows.map(({ externalId, parentExternalId }) => ({ externalId, parentExternalId })));
	return readings;
}

function heldBack(standings: readonly Standing[], ofConnection: Policy): Pick<DryRun, "heldBack" | "heldBackOn"> {
	const kept = standings.filter(({ paused }) => !paused).map((standing) => showing(standing, ofConnection)?.heldBack ?? 0);
	return { heldBack: kept.reduce((sum, units) => sum + units, 0), heldBackOn: kept.filter((units) => units > 0).length };
}

/** As delivery would decide on this reading (delivery/plan-write.ts), without the haste of a listing that sells out. */
function count(result: DryRun, row: Row, reading: StockReading | null, { capabilities }: Channel): DryRunLine[] {
	result.listings++;
	const listingId = row.id;
	if (reading === null) {
		result.gone++;
		return [{ listingId, from: null, to: null, problem: "gone" }];
	}
	if (!reading.managed || reading.quantity === null) {
		result.unmanaged++;
		return [{ listingId, from: null, to: null, problem: "unmanaged" }];
	}
	const from = reading.quantity;
	const soldUnseen = capabilities.quantityMeaning === "selfDecrementing" && row.shown !== null ? Math.max(0, row.shown - from) : 0;
	const to = targetOf({ desired: row.desired, unseen: row.unseen + soldUnseen }) ?? 0;
	// Below zero a channel sells as little as at zero.
	if (to === Math.max(0, from)) return [];
	result.changes++;
	if (to === 0) result.toZero++;
	if (to > from) result.increases++;
	else result.decreases++;
	if (result.sample.length < SAMPLE_MAX) result.sample.push({ listingId, sku: row.sku, title: row.title, from, to });
	return [{ listingId, from, to, problem: null }];
}
