import { transaction } from "#app/db.server.ts";
import type { CatalogueRow } from "#channels";
import { appendEvents, type NewFetch, type NewInboxEvent, requestFetch } from "#inbox";
import type { Import, Step } from "./run-import.ts";

/** Lines per commit: what a kill makes us read again is a second's work. */
const BATCH_LINES = 500;

/** The export's file into the inbox, batch by batch, each committed together with how far it got. */
export async function importRows(work: Import): Promise<Step> {
	const { deps, shopId, connectionId, home, lease, signal } = work;
	const { exportId, askedAt, lines } = lease.progress;
	if (exportId === null || askedAt === null) throw new Error("An export is read that was not started");
	const now = await home.catalogue.state(exportId);
	if (now.state !== "ready") {
		// Its file has expired since: the phase before knows what to do.
		await lease.save(deps.pool, { phase: "export" });
		return { next: true };
	}
	let batch: CatalogueRow[] = [];
	const flush = async () => {
		if (batch.length === 0) return;
		await keep(work, batch);
		batch = [];
	};
	if (now.url !== null) {
		for await (const row of home.catalogue.rows(now.url, { askedAt, skip: lines })) {
			batch.push(row);
			if (batch.length >= BATCH_LINES) await flush();
			if (signal?.aborted) return { next: false, delayMs: 0 };
		}
	}
	await flush();
	await lease.save(deps.pool, { phase: "applying", rowsDoneAt: Date.now(), settled: false });
	await deps.wake("ingest.fetch", { shopId, connectionId });
	return { next: true };
}

async function keep({ deps, shopId, connectionId, lease }: Import, rows: readonly CatalogueRow[]): Promise<void> {
	const { exportId, startedAt } = lease.progress;
	const common = {
		shopId,
		connectionId,
		source: "import" as const,
		payload: null,
		correlationId: `import:${shopId}:${lease.installation}`,
	};
	const key = (rest: string) => `import:${exportId}:${rest}`;
	const events: NewInboxEvent[] = [];
	const fetches: NewFetch[] = [];
	for (const row of rows) {
		if (row.kind === "item") {
			const { item } = row;
			events.push({
				...common,
				topic: "import.item",
				event: item,
				deliveryKey: key(`item:${item.itemExternalId}`),
				occurredAt: item.stamp,
			});
		} else if (row.kind === "reading") {
			const { reading } = row;
			if (isFromBefore(reading.readAt, startedAt)) {
				const deliveryKey = key(`reading:${reading.itemExternalId}:${reading.locationExternalId}`);
				events.push({ ...common, topic: "import.reading", event: reading, deliveryKey, occurredAt: reading.readAt });
			} else {
				// It changed while the export ran: nobody knows what the figure holds. Read alone, it says when it was asked for.
				const reason = "changed during the import";
				fetches.push({
					shopId,
					connectionId,
					kind: "levels",
					externalId: reading.itemExternalId,
					reason,
					correlationId: common.correlationId,
				});
			}
		} else if (row.kind === "unreadable") {
			events.push({
				...common,
				topic: "import.line",
				payload: row.payload,
				event: null,
				deliveryKey: key(`line:${row.line}`),
				occurredAt: null,
				status: "parked",
				outcome: row.error.errorClass,
				error: row.error.message,
			});
		}
	}
	await transaction(deps.pool, async (tx) => {
		await appendEvents(tx, events);
		await requestFetch(tx, fetches);
		const components = lease.progress.components + rows.filter((row) => row.kind === "component").length;
		const items = rows.filter((row) => row.kind === "item").length;
		await lease.save(tx, { lines: rows.at(-1)?.line ?? lease.progress.lines, components });
		await tx.query(`UPDATE shop SET import_done = least(import_total, import_done + $2) WHERE id = $1`, [shopId, items]);
	});
	await deps.wake("apply.drain", { shopId });
}

/** Strictly: home's stamps are whole seconds, and of a change in the very second of the start nobody knows the side. */
const isFromBefore = (readAt: string, startedAt: string | null) => startedAt !== null && Date.parse(readAt) < Date.parse(startedAt);
