import { type Pool, transaction } from "#app/db.server.ts";
import { type Compared, RowsLostError, saveCounts } from "./compare-guest.ts";
import { isStaged, OF_RUN, tableOf } from "./rooms.ts";
import type { RunLease } from "./run.ts";

/** Differences that one run records; the next one takes the rest. */
const RECORDED_MAX = 10_000;
/** Products that one run asks for without a word: changed in the last moments, or described in another way. */
const ASKED_MAX = 5_000;
/** Of our products so many may be missing in an export that ended well; beyond that, the export is doubted. */
const LACKING_SHARE_MAX = 0.2;
const LACKING_ALWAYS = 50;
/** A figure that changed so shortly before the export, or while it was written: its message is still on its way. */
const ON_THE_WAY_SECONDS = 60;
const WORK_MEM_MB = 32;

type Home = { shopId: number; connectionId: number; tolerance: number };
type Counts = {
	compared: number;
	explained: number;
	tolerated: number;
	found: number;
	added: number;
	lacking: number;
	asked: string[] | null;
};

/**
 * Compares home's whole export with what we hold, as `compareGuest` does. `ask`: products whose levels are to be read singly, because
 * nobody can say from the export alone what their figure holds.
 */
export async function compareHome(pool: Pool, lease: RunLease, home: Home): Promise<Compared & { ask?: string[] }> {
	const { run } = lease;
	return transaction(pool, async (tx) => {
		await lease.save(tx, { state: "acting" });
		if (!(await isStaged(tx, home.shopId, run, run.read))) throw new RowsLostError();
		await tx.query(`SET LOCAL work_mem = '${WORK_MEM_MB}MB'`);
		const { rows } = await tx.query<Counts>(compareStatement(tableOf(run.room)), [
			home.shopId,
			home.connectionId,
			run.id,
			run.attempt,
			run.exportStartedAt,
			ON_THE_WAY_SECONDS,
			home.tolerance,
			RECORDED_MAX,
			ASKED_MAX,
		]);
		const { asked, ...counts } = rows[0] as Counts;
		if (counts.lacking > Math.max(LACKING_ALWAYS, LACKING_SHARE_MAX * counts.compared)) throw new ExportDoubtedError(counts.lacking);
		await saveCounts(tx, home.shopId, run, counts);
		return { outcome: "compared" as const, found: counts.found, ask: asked ?? [] };
	}).catch((error: unknown) => {
		if (error instanceof RowsLostError) return { outcome: "lost" as const };
		if (error instanceof ExportDoubtedError) return { outcome: "doubted" as const, lacking: error.lacking };
		throw error;
	});
}

class ExportDoubtedError extends Error {
	readonly lacking: number;
	constructor(lacking: number) {
		super(`${lacking} products are missing`);
		this.lacking = lacking;
	}
}

/** What we know of and no reading holds so far, apart by sign: home's figure may hold any of it (apply/decide/reading.ts). */
const EFFECTS = `
SELECT coalesce(sum(least(e.units, 0)), 0)::int AS down, coalesce(sum(greatest(e.units, 0)), 0)::int AS up FROM (
  SELECT d.delta AS units FROM delta_line d WHERE d.shop_id = $1 AND d.item_id = s.item_id AND d.location_id = s.location_id
    AND d.state IN ('open', 'landed', 'unresolved')
  UNION ALL SELECT -p.quantity FROM prediction p WHERE p.shop_id = $1 AND p.item_id = s.item_id AND p.location_id = s.location_id) e`;

/** A newer word of home's is in the inbox and was not applied yet. */
const UNAPPLIED = `EXISTS (
  SELECT FROM inbox_event v WHERE v.shop_id = $1 AND v.lane = 'stock' AND v.status = 'pending'
    AND v.event->>'type' = 'home.reading' AND v.event->>'itemExternalId' = coalesce(r.external_id, s.external_id))`;

const LEVEL_VERDICT = `
CASE
  WHEN r.n IS NULL THEN CASE WHEN s.home_quantity = 0 THEN 'none' WHEN s.home_read_at >= $5::timestamptz - $6 * interval '1 second' THEN 'explained' ELSE 'gone' END
  WHEN s.item_id IS NULL THEN CASE WHEN r.quantity <> 0 AND EXISTS (
      SELECT FROM item i WHERE i.shop_id = $1 AND i.external_id = r.external_id AND i.deleted_at IS NULL AND i.tracked AND NOT i.is_home_bundle)
    THEN CASE WHEN r.at >= $5::timestamptz - $6 * interval '1 second' THEN 'recent' WHEN ${UNAPPLIED} THEN 'explained' ELSE 'differs' END ELSE 'none' END
  WHEN r.at < s.home_read_at THEN 'explained'
  WHEN r.at >= $5::timestamptz - $6 * interval '1 second' THEN 'recent'
  WHEN EXISTS (SELECT FROM (${EFFECTS}) e WHERE r.quantity BETWEEN s.home_quantity + e.down AND s.home_quantity + e.up) THEN 'explained'
  WHEN ${UNAPPLIED} THEN 'explained'
  WHEN abs(r.quantity - s.home_quantity) <= $7 THEN 'tolerated'
  ELSE 'differs'
END`;

const ITEM_VERDICT = `
CASE
  WHEN i.id IS NULL OR i.deleted_at IS NOT NULL THEN CASE WHEN r.at >= $5::timestamptz - $6 * interval '1 second' THEN 'recent' ELSE 'new' END
  WHEN r.n IS NULL THEN CASE WHEN i.stamp >= $5::timestamptz - $6 * interval '1 second' THEN 'recent' ELSE 'lacking' END
  WHEN r.at > i.stamp AND (r.sku, r.barcode, r.title, r.flags) IS DISTINCT FROM (i.sku, i.barcode, i.title,
    (CASE WHEN i.tracked THEN 1 ELSE 0 END + CASE WHEN i.sells_when_out THEN 2 ELSE 0 END + CASE WHEN i.is_home_bundle THEN 4 ELSE 0 END)::smallint) THEN 'recent'
  ELSE 'none'
END`;

/** Home's figures are compared with home's own newest word, which is what our stock is computed from. */
const compareStatement = (rows: string) => `
WITH read AS NOT MATERIALIZED (
  SELECT * FROM ${rows} WHERE ${OF_RUN}
), held AS (
  SELECT s.item_id, s.location_id, s.home_quantity, s.home_read_at, i.external_id, i.sku, i.title, o.external_id AS place
  FROM stock s JOIN item i ON i.shop_id = $1 AND i.id = s.item_id JOIN location o ON o.shop_id = $1 AND o.id = s.location_id
  WHERE s.shop_id = $1 AND s.home_read_at IS NOT NULL AND i.deleted_at IS NULL AND i.tracked AND NOT i.is_home_bundle
), levels AS MATERIALIZED (
  SELECT r.n, s.item_id, s.location_id, coalesce(r.external_id, s.external_id) AS external_id, coalesce(r.place, s.place) AS place, s.sku, s.title,
    s.home_quantity, r.quantity, r.at, ${LEVEL_VERDICT} AS verdict
  FROM (SELECT * FROM read WHERE kind = 's') r FULL JOIN held s ON s.external_id = r.external_id AND s.place = r.place
  WHERE r.n IS NULL OR s.item_id IS NULL OR r.quantity IS DISTINCT FROM s.home_quantity
), items AS MATERIALIZED (
  SELECT r.n, i.id AS item_id, coalesce(r.external_id, i.external_id) AS external_id, coalesce(r.sku, i.sku) AS sku, coalesce(r.title, i.title) AS title, ${ITEM_VERDICT} AS verdict
  FROM (SELECT * FROM read WHERE kind = 'i') r FULL JOIN (SELECT * FROM item WHERE shop_id = $1) i ON i.external_id = r.external_id
  WHERE i.id IS NULL OR (r.n IS NULL AND i.deleted_at IS NULL) OR i.deleted_at IS NOT NULL AND r.n IS NOT NULL OR r.at > i.stamp
), noted AS (
  SELECT DISTINCT ON (external_id, place) 'level' AS kind, 'level:' || external_id || '|' || place AS subject, item_id, location_id, external_id, place, sku,
    coalesce(title, '') AS title, home_quantity AS expected, CASE verdict WHEN 'gone' THEN NULL ELSE quantity END AS found, at, verdict
  FROM levels v WHERE verdict = 'differs' OR (verdict = 'gone' AND NOT EXISTS (SELECT FROM items g WHERE g.external_id = v.external_id AND g.verdict = 'lacking'))
  UNION ALL
  SELECT DISTINCT ON (external_id) 'item', 'item:' || external_id, item_id, NULL, external_id, NULL, sku, coalesce(title, ''), NULL, NULL, NULL::timestamptz, verdict
  FROM items WHERE verdict IN ('new', 'lacking')
), kept AS (
  INSERT INTO reconcile_difference (shop_id, connection_id, run_id, kind, subject, item_id, location_id, external_id, place_external_id, sku, title, expected, found, read_at, cause, state)
  SELECT $1, $2, $3, kind, subject, item_id, location_id, external_id, place, sku, title, expected, found, at, 'late', 'waiting'
  FROM noted ORDER BY kind, subject LIMIT $8
  ON CONFLICT (shop_id, connection_id, subject) WHERE settled_at IS NULL
  DO UPDATE SET run_id = excluded.run_id, found = excluded.found, read_at = excluded.read_at, times = reconcile_difference.times + 1, acted_at = NULL
)
SELECT
  (SELECT count(*)::int FROM read WHERE kind = 's') AS compared,
  (SELECT count(*)::int FROM levels WHERE verdict IN ('explained', 'recent')) AS explained,
  (SELECT count(*)::int FROM levels WHERE verdict = 'tolerated') AS tolerated,
  (SELECT count(*)::int FROM noted) AS found,
  (SELECT count(*)::int FROM items WHERE verdict = 'new') AS added,
  (SELECT count(*)::int FROM items WHERE verdict = 'lacking') AS lacking,
  (SELECT array_agg(external_id) FROM (
     SELECT external_id FROM levels WHERE verdict = 'recent' UNION SELECT external_id FROM items WHERE verdict = 'recent' LIMIT $9) a) AS asked`;
