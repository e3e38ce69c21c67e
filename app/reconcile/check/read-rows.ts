import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "#app/db.server.ts";
import type { CatalogueRow, ChannelClient, HomeClient, RemoteListing } from "#channels";
import { keepingLease, type RunLease } from "./run.ts";
import { createStaging, type StagedRow } from "./staging.ts";

/**
 * After a page that took a while nothing is asked for so long: at least half of the account's time is left to sales. Pages that
 * come out of a file that is here already take no time, and are not waited after.
 */
const PAUSE_MAX_MS = 2_000;
/** What comes sooner was asked of nobody. */
const PAUSE_FROM_MS = 20;

type Reading = { pool: Pool; shopId: number; lease: RunLease; signal: AbortSignal | undefined };
/** stopped: the process is about to end; what was read counts for nothing. */
export type ReadOutcome = { outcome: "read"; rows: number } | { outcome: "stopped" };

/** A guest's whole list, page by page. Throws what the channel throws: a list that breaks is no list. */
export function readGuest(reading: Reading, client: Pick<ChannelClient, "listListings">): Promise<ReadOutcome> {
	const { pool, shopId, lease, signal } = reading;
	return keepingLease(pool, lease, async () => {
		const staging = createStaging(pool, shopId, lease);
		try {
			let askedAt = Date.now();
			for await (const page of client.listListings()) {
				const tookMs = Date.now() - askedAt;
				for (const listing of page) staging.add(toStaged(listing), askedAt);
				await staging.flowOn();
				if (signal?.aborted) return { outcome: "stopped" };
				if (tookMs >= PAUSE_FROM_MS) await sleep(Math.min(PAUSE_MAX_MS, tookMs));
				askedAt = Date.now();
			}
			return { outcome: "read", rows: await staging.finish() };
		} finally {
			await staging.close();
		}
	});
}

const toStaged = (listing: RemoteListing): StagedRow => ({
	kind: "l",
	externalId: listing.externalId,
	place: listing.soldFrom ?? null,
	parent: listing.parentExternalId,
	sku: listing.sku,
	barcode: listing.barcode,
	title: listing.title,
	quantity: listing.managed ? listing.quantity : null,
	at: null,
	flags: null,
});

/** The file that home has written, line by line. What cannot be read of it, and what bundles are made of, is the import's affair. */
export function readHome(
	reading: Reading,
	home: Pick<HomeClient, "catalogue">,
	file: { url: string | null; askedAt: string },
): Promise<ReadOutcome> {
	const { pool, shopId, lease, signal } = reading;
	return keepingLease(pool, lease, async () => {
		const staging = createStaging(pool, shopId, lease);
		const askedAt = Date.parse(file.askedAt);
		try {
			if (file.url !== null) {
				for await (const row of home.catalogue.rows(file.url, { askedAt: file.askedAt, skip: 0 })) {
					const staged = ofHome(row);
					if (staged) staging.add(staged, askedAt);
					await staging.flowOn();
					if (signal?.aborted) return { outcome: "stopped" };
				}
			}
			return { outcome: "read", rows: await staging.finish() };
		} finally {
			await staging.close();
		}
	});
}

function ofHome(row: CatalogueRow): StagedRow | null {
	switch (row.kind) {
		case "item": {
			const { item } = row;
			return {
				kind: "i",
				externalId: item.itemExternalId,
				place: null,
				parent: item.productExternalId,
				sku: item.sku,
				barcode: item.barcode,
				title: item.title,
				quantity: null,
				at: item.stamp,
				flags:
					(item.tracked ? FLAGS.tracked : 0) + (item.sellsWhenOut ? FLAGS.sellsWhenOut : 0) + (item.isHomeBundle ? FLAGS.isHomeBundle : 0),
			};
		}
		case "reading": {
			const { reading } = row;
			return {
				kind: "s",
				externalId: reading.itemExternalId,
				place: reading.locationExternalId,
				parent: null,
				sku: null,
				barcode: null,
				title: null,
				quantity: reading.stocked ? reading.quantity : 0,
				at: reading.readAt,
				flags: null,
			};
		}
		case "component":
		case "unreadable":
			return null;
	}
}

/** As migration 20261130080000 has them. */
const FLAGS = { tracked: 1, sellsWhenOut: 2, isHomeBundle: 4 };
