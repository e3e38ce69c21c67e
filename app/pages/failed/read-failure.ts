import { type Pool, transaction } from "#app/db.server.ts";
import { joins } from "#dead-letters";
import { readShopMap } from "../shop/read-channels.ts";
import type { FailedDetail } from "./failed.ts";
import { type FailedRecord, failedColumns, toFailedRow } from "./read-failed.ts";

/** The newest tries of one listing; older ones say the same. */
const TRIES_MAX = 20;
const PAYLOAD_CHARS_MAX = 20_000;

type Row = FailedRecord & {
	as_of: Date;
	decided_by: string | null;
	decided_at: Date | null;
	discard_reason: string | null;
	desired: number | null;
	shown: number | null;
	payload: unknown;
	delta_batch_id: number | null;
	correlation_id: string;
	decided_name: string | null;
};
type Try = {
	id: number;
	at: Date;
	quantity: number | null;
	outcome: string;
	error: string | null;
	http_status: number | null;
	request_id: string | null;
};

/** One failure with everything that a person needs to judge it; null: there is none of that number in this shop. */
export async function readFailure(pool: Pool, shopId: number, id: number): Promise<FailedDetail | null> {
	return transaction(
		pool,
		async (client) => {
			const { rows } = await client.query<Row>(
				`SELECT ${failedColumns}, now() AS as_of, d.decided_by, d.decided_at, d.discard_reason, l.desired, l.shown, d.payload, d.delta_batch_id,
				        d.correlation_id, (SELECT nullif(m.name, '') FROM member m WHERE m.shop_id = d.shop_id AND m.user_id = d.decided_by) AS decided_name
				   FROM dead_letter d ${joins} WHERE d.shop_id = $1 AND d.id = $2`,
				[shopId, id],
			);
			const [row] = rows;
			if (!row) return null;
			const shop = await readShopMap(client, shopId);
			const tries = await client.query<Try>(
				`SELECT id, at, quantity, outcome, error, http_status, request_id FROM delivery_attempt
				  WHERE shop_id = $1 AND (listing_id = $2 OR delta_batch_id = $3) ORDER BY id DESC LIMIT $4`,
				[shopId, row.listing_id, row.delta_batch_id, TRIES_MAX],
			);
			return {
				...toFailedRow(row, (connectionId) => shop.channels.find((channel) => channel.id === connectionId)?.name || "A former channel"),
				// Here is looked for the cause: with the call and the channel's own code.
				error: row.error,
				asOf: row.as_of.toISOString(),
				state: row.state,
				decided:
					row.decided_at && row.decided_by
						? { who: row.decided_name ?? "Somebody of your staff", at: row.decided_at.toISOString(), reason: row.discard_reason }
						: null,
				figures: row.listing_id === null ? null : { now: row.desired, shows: row.shown },
				tries: tries.rows.map(({ at, http_status, request_id, ...rest }) => ({
					...rest,
					at: at.toISOString(),
					status: http_status,
					requestId: request_id,
				})),
				payload: row.payload === null ? null : JSON.stringify(row.payload, null, 2).slice(0, PAYLOAD_CHARS_MAX),
				correlationId: row.correlation_id,
			};
		},
		{ begin: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" },
	);
}
