import { transaction } from "#app/db.server.ts";
import { endImport } from "./progress.ts";
import type { Import, Step } from "./run-import.ts";

/** Five exports of all apps together run at a time in a shop; one of them ends before long. */
const BUSY_MS = 60_000;
/** Small shops are done in seconds; `bulk_operations/finish` wakes the import too. */
const LOOK_FIRST_MS = 1_000;
const LOOK_MAX_MS = 15_000;
/** Shopify advises to try again after its own errors; an export that fails so often fails for a reason. */
const FAILURES_MAX = 3;
const FAILED_PAUSE_MS = 5_000;

/**
 * Asks home to prepare everything. If we are killed before the answer is saved, the next run starts another export and nobody
 * reads the first: one of Shopify's five places is taken until it ends by itself.
 */
export async function startExport({ deps, shopId, connectionId, home, lease }: Import): Promise<Step> {
	const started = await home.catalogue.start();
	if (started.outcome === "busy") {
		await lease.say(
			deps.pool,
			"Shopify is preparing exports for other apps and takes no more at the moment. The import starts by itself as soon as it does.",
		);
		return { next: false, delayMs: BUSY_MS };
	}
	const { exportId, startedAt, askedAt, items } = started;
	await transaction(deps.pool, async (tx) => {
		// The cut: orders from before this moment are in the export's figures. Home's clock for both.
		await tx.query(`UPDATE connection SET cut_at = $3, updated_at = now() WHERE shop_id = $1 AND id = $2`, [
			shopId,
			connectionId,
			startedAt,
		]);
		await lease.save(tx, { exportId, startedAt, askedAt, lines: 0, components: 0 }, { total: items, done: 0 });
	});
	deps.log.info({ shopId, connectionId, exportId, items }, "import.export_started");
	return { next: false, delayMs: LOOK_FIRST_MS };
}

export async function followExport({ deps, shopId, home, lease }: Import): Promise<Step> {
	const { exportId, startedAt, failures } = lease.progress;
	if (exportId === null) throw new Error("An export is followed that was not started");
	const now = await home.catalogue.state(exportId);
	switch (now.state) {
		case "running": {
			await lease.save(deps.pool, {});
			// The longer it has run the less a few seconds matter.
			const ranMs = Date.now() - Date.parse(startedAt ?? "");
			return { next: false, delayMs: Math.min(LOOK_MAX_MS, Math.max(LOOK_FIRST_MS, ranMs / 4)) };
		}
		case "ready":
			await lease.save(deps.pool, { phase: "rows" }, { total: now.items });
			return { next: true };
		case "failed":
			if (!now.again || failures + 1 >= FAILURES_MAX) {
				await endImport(deps.pool, shopId, lease, {
					state: "failed",
					error: `${now.reason} Nothing was changed; open the app again to start over.`,
				});
				deps.log.warn({ shopId, exportId, reason: now.reason }, "import.failed");
				return { failed: now.reason };
			}
			await lease.save(deps.pool, { exportId: null, failures: failures + 1 });
			await lease.say(deps.pool, `${now.reason} It is being started again.`);
			return { next: false, delayMs: FAILED_PAUSE_MS };
	}
}
