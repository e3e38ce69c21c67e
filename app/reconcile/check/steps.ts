import { followRules } from "#app/connections/guests/index.ts";
import type { ChannelClient, HomeClient } from "#channels";
import type { ConnectionRow, Deps } from "#connections";
import { requestFetch } from "#inbox";
import { actOnGuest, actOnHome, askFor } from "./act.ts";
import { type Compared, compareGuest } from "./compare-guest.ts";
import { compareHome } from "./compare-home.ts";
import { readGuest, readHome } from "./read-rows.ts";
import { forgetRows, takeRoom } from "./rooms.ts";
import type { RunLease } from "./run.ts";

/** Long lists are read for minutes and longer: of a process's places for upkeep the others stay free. */
const READING_AT_ONCE = 3;
const TAKEN_MS = 5_000;
/** Home writes its export: small shops are done in seconds. */
const PREPARING_FIRST_MS = 1_000;
const PREPARING_MAX_MS = 15_000;
/** Five exports of all apps together run at a time in a shop; one of them ends before long. An import goes first. */
export const BUSY_MS = 60_000;
/** The channel does not answer: tried again so often, then with the next hour. */
export const FAILURES_MAX = 3;
export const FAILED_PAUSE_MS = 30_000;
/** Begun so often and never ended: something in it ends whoever reads it. */
const ATTEMPTS_MAX = 5;

/** What a run asks of a channel. */
export type CheckClient = Pick<ChannelClient, "listListings" | "close"> & { home?: HomePart };
type HomePart = Pick<HomeClient, "catalogue">;
export type Work = {
	deps: Deps;
	shopId: number;
	connection: ConnectionRow;
	lagMs: number;
	client: CheckClient;
	lease: RunLease;
	signal: AbortSignal | undefined;
};
/** One step is over and the next may follow at once; or there is something to wait for. */
export type Step = { next: true } | { next: false; delayMs: number } | "done" | { failed: string };

let readingNow = 0;

export async function nextStep(work: Work): Promise<Step> {
	const { home } = work.client;
	switch (work.lease.run.state) {
		case "asked":
			return home ? prepare(work, home) : limited(work, () => readAndCompareGuest(work));
		case "preparing":
			if (!home) throw new Error("Only home prepares an export");
			return limited(work, () => followExport(work, home));
		case "reading":
			// Whoever read it is dead, and half of it is nothing.
			await work.lease.save(work.deps.pool, { state: work.lease.run.exportId === null ? "asked" : "preparing" });
			return { next: true };
		case "acting":
			await act(work);
			return "done";
	}
}

async function limited(work: Work, step: () => Promise<Step>): Promise<Step> {
	if (work.lease.run.attempt >= ATTEMPTS_MAX)
		return { failed: "It was begun several times and could not be finished. It is tried again with the next regular check." };
	if (readingNow >= READING_AT_ONCE) return { next: false, delayMs: TAKEN_MS };
	readingNow++;
	try {
		return await step();
	} finally {
		readingNow--;
	}
}

async function begin({ deps, shopId, connection, lease }: Work): Promise<void> {
	await forgetRows(deps.pool, shopId, lease.run);
	const { rows } = await deps.pool.query<{ now: Date; expected: number }>(
		`SELECT clock_timestamp() AS now, CASE WHEN $3 THEN (SELECT count(*)::int FROM stock WHERE shop_id = $1)
		   ELSE (SELECT count(*)::int FROM listing WHERE shop_id = $1 AND connection_id = $2) END AS expected`,
		[shopId, connection.id, connection.isHome],
	);
	const [now] = rows;
	if (!now) throw new Error("The statement returns one row");
	await takeRoom(deps.pool, lease, now.expected);
	await lease.save(deps.pool, {
		state: "reading",
		attempt: lease.run.attempt + 1,
		beganAt: now.now.toISOString(),
		read: 0,
		expected: now.expected,
		note: null,
	});
}

async function readAndCompareGuest(work: Work): Promise<Step> {
	const { deps, shopId, connection, lease, client, signal } = work;
	// A rule that was changed by a process that died before its listings followed (guests/rules.ts).
	if (await hasChangedRules(deps, shopId)) await followRules(deps, shopId, connection.id);
	await begin(work);
	const read = await readGuest({ pool: deps.pool, shopId, lease, signal }, client);
	if (read.outcome === "stopped") return { next: false, delayMs: 0 };
	const guest = { shopId, connectionId: connection.id, tolerance: connection.settings.stockTolerance, lagMs: work.lagMs };
	return afterCompare(await compareGuest(deps.pool, lease, guest), "listing");
}

function afterCompare(compared: Compared, thing: "listing" | "product"): Step {
	switch (compared.outcome) {
		case "compared":
			return { next: true };
		case "lost":
			return { next: false, delayMs: 0 };
		case "doubted":
			return {
				failed: `The channel's answer left out ${compared.lacking.toLocaleString("en")} ${thing}s that Lockstep knows. So many at once are likelier a broken answer than deleted ${thing}s: nothing was changed.`,
			};
	}
}

/**
 * Asks home to write its export. If we are killed before the answer is saved, the next run starts another one and nobody reads the
 * first: one of Shopify's five places is taken until it ends by itself.
 */
async function prepare({ deps, lease }: Work, home: HomePart): Promise<Step> {
	const started = await home.catalogue.start();
	if (started.outcome === "busy") {
		await lease.save(deps.pool, {
			note: "Shopify is preparing exports for other apps and takes no more at the moment. The check begins as soon as it does.",
		});
		return { next: false, delayMs: BUSY_MS };
	}
	const { exportId, startedAt, askedAt } = started;
	await lease.save(deps.pool, { state: "preparing", exportId, exportStartedAt: startedAt, exportAskedAt: askedAt, note: null });
	return { next: false, delayMs: PREPARING_FIRST_MS };
}

async function followExport(work: Work, home: HomePart): Promise<Step> {
	const { deps, shopId, connection, lease, signal } = work;
	const { exportId, exportAskedAt, failures } = lease.run;
	if (exportId === null || exportAskedAt === null) throw new Error("An export is followed that was not started");
	const now = await home.catalogue.state(exportId);
	switch (now.state) {
		case "running": {
			const ranMs = Date.now() - Date.parse(exportAskedAt);
			return { next: false, delayMs: Math.min(PREPARING_MAX_MS, Math.max(PREPARING_FIRST_MS, ranMs / 4)) };
		}
		case "failed":
			if (!now.again || failures + 1 >= FAILURES_MAX) return { failed: now.reason };
			await lease.save(deps.pool, {
				state: "asked",
				exportId: null,
				failures: failures + 1,
				note: `${now.reason} It is being started again.`,
			});
			return { next: false, delayMs: FAILED_PAUSE_MS };
		case "ready": {
			await begin(work);
			const read = await readHome({ pool: deps.pool, shopId, lease, signal }, home, { url: now.url, askedAt: exportAskedAt });
			if (read.outcome === "stopped") return { next: false, delayMs: 0 };
			const compared = await compareHome(deps.pool, lease, {
				shopId,
				connectionId: connection.id,
				tolerance: connection.settings.stockTolerance,
			});
			if (compared.outcome === "compared" && compared.ask && compared.ask.length > 0) {
				await requestFetch(deps.pool, askFor(compared.ask, { shopId, connectionId: connection.id, runId: lease.run.id }));
				await deps.wake("ingest.fetch", { shopId, connectionId: connection.id });
			}
			return afterCompare(compared, "product");
		}
	}
}

async function act({ deps, shopId, connection, lease }: Work): Promise<void> {
	const place = { pool: deps.pool, shopId, connectionId: connection.id, lease };
	if (connection.isHome) {
		const { events, fetches } = await actOnHome(place);
		if (events > 0) await deps.wake("apply.drain", { shopId });
		if (fetches > 0) await deps.wake("ingest.fetch", { shopId, connectionId: connection.id });
	} else if ((await actOnGuest(place)) > 0) await deps.wake("delivery.push", { shopId, connectionId: connection.id });
}

/**
 * Computing every listing of a large channel anew takes the shop's lane for minutes in all: only where somebody has changed anything
 * within a day, which is longer than any such change takes.
 */
async function hasChangedRules({ pool }: Deps, shopId: number): Promise<boolean> {
	const { rows } = await pool.query<{ recent: boolean }>(
		`SELECT at > now() - interval '1 day' AS recent FROM audit WHERE shop_id = $1 AND action NOT LIKE 'check.%' ORDER BY id DESC LIMIT 1`,
		[shopId],
	);
	return rows[0]?.recent ?? false;
}
