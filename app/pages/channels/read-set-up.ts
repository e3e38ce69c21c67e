import type { DryRun, Mirrored, OrderSources, SetUpWork } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";

/** How far a merchant has come with one channel. Times are ISO 8601. */
export type SetUp = {
	/** What a worker is doing for this channel, how many listings are done, and of how many where that is known. */
	work: { what: SetUpWork; done: number; total: number | null; since: string } | null;
	failed: { what: SetUpWork; reason: string } | null;
	catalogueReadAt: string | null;
	mirrored: Mirrored | null;
	/** Who writes orders into Shopify, as it was looked up; null: not looked up yet. */
	orderSources: (OrderSources & { at: string }) | null;
	dryRun: (Omit<DryRun, "sample"> & { at: string }) | null;
	/** Live with some listings only; the others wait. */
	isPartlyLive: boolean;
};

const NOTHING_YET: SetUp = {
	...{ work: null, failed: null, catalogueReadAt: null, mirrored: null, orderSources: null, dryRun: null, isPartlyLive: false },
};

type Row = {
	connection_id: number;
	work: SetUpWork | null;
	work_done: number;
	work_total: number | null;
	work_asked_at: Date | null;
	failed_work: SetUpWork | null;
	failed_reason: string | null;
	catalogue_read_at: Date | null;
	mirrored: Mirrored | null;
	order_sources: OrderSources | null;
	order_sources_at: Date | null;
	dry_run: Omit<DryRun, "sample"> | null;
	dry_run_at: Date | null;
	live_scope: "all" | "some";
};

/** By connection id; one that was never set up by a merchant (by the command line) has none, and reads as nothing yet. */
export async function readSetUps(db: Queryable, shopId: number): Promise<(connectionId: number) => SetUp> {
	const { rows } = await db.query<Row>(
		`SELECT connection_id, work, work_done, work_total, work_asked_at, failed_work, failed_reason, catalogue_read_at, mirrored,
		   order_sources, order_sources_at, dry_run, dry_run_at, live_scope
		   FROM connection_setup WHERE shop_id = $1`,
		[shopId],
	);
	const setUps = new Map(rows.map((row) => [row.connection_id, toSetUp(row)]));
	return (connectionId) => setUps.get(connectionId) ?? NOTHING_YET;
}

const toSetUp = (row: Row): SetUp => ({
	work: row.work && { what: row.work, done: row.work_done, total: row.work_total, since: row.work_asked_at?.toISOString() ?? "" },
	failed: row.failed_work && { what: row.failed_work, reason: row.failed_reason ?? "" },
	catalogueReadAt: row.catalogue_read_at?.toISOString() ?? null,
	mirrored: row.mirrored,
	orderSources: row.order_sources && row.order_sources_at && { ...row.order_sources, at: row.order_sources_at.toISOString() },
	dryRun: row.dry_run && row.dry_run_at ? { ...row.dry_run, at: row.dry_run_at.toISOString() } : null,
	isPartlyLive: row.live_scope === "some",
});
