import type { Queryable } from "#app/db.server.ts";
import type { ChannelAlert, NameOf } from "../overview.ts";

type Row = {
	kind: ChannelAlert["kind"];
	subject: string;
	detail: Partial<Record<(typeof COUNTED)[ChannelAlert["kind"]], number>>;
	opened_at: Date;
};

/** The figure of each that is shown, as the alert keeps it (app/alerts/conditions.ts). */
const COUNTED = { lag: "seconds", paused: "listings", writer: "times", totals: "check" } as const satisfies Record<
	ChannelAlert["kind"],
	string
>;

/** What e-mails tell of that stands nowhere else on the page: slow updates, another writer, totals that differ, forgotten pauses. A shop has a handful of channels. */
export async function readAlerts(client: Queryable, shopId: number, nameOf: NameOf): Promise<ChannelAlert[]> {
	const { rows } = await client.query<Row>(
		`SELECT a.kind, a.subject, a.detail, a.opened_at FROM alert a
		 JOIN connection c ON c.shop_id = a.shop_id AND c.id::text = a.subject AND c.state <> 'disconnected'
		 WHERE a.shop_id = $1 AND a.kind IN ('lag', 'paused', 'writer', 'totals') AND a.opened_at IS NOT NULL AND a.resolved_at IS NULL
		 ORDER BY a.kind, a.opened_at DESC, a.id DESC`,
		[shopId],
	);
	return rows.map(({ kind, subject, detail, opened_at }) => ({
		kind,
		connectionId: Number(subject),
		channel: nameOf(Number(subject)),
		since: opened_at.toISOString(),
		count: detail[COUNTED[kind]] ?? 0,
	}));
}
