import { ChannelError, CredentialsRejectedError } from "#app/channels/errors.ts";
import type { HomeClient } from "#channels";
import { readHomeConnection } from "../connection-row.ts";
import type { Deps } from "../deps.ts";
import { ConnectionClosedError, openClient } from "../open-client.ts";
import { importBundles } from "./bundles.ts";
import { followExport, startExport } from "./export.ts";
import { importLocations } from "./locations.ts";
import { askForWhatIsMissing, markGoneItems } from "./missing.ts";
import { endImport, type Lease, LeaseLostError, releaseImport, takeImport } from "./progress.ts";
import { importRows } from "./rows.ts";
import { whatIsUnapplied } from "./unapplied.ts";

export type ImportOutcome =
	| { outcome: "done" }
	/** Nothing more will happen by itself: uninstalled, failed for good, or done before. */
	| { outcome: "stopped"; why: string }
	| { outcome: "again"; delayMs: number };

/** One step is over, the next may follow at once; or there is something to wait for. */
export type Step = { next: true } | { next: false; delayMs: number } | { failed: string };

/** What every step works with. */
export type Import = {
	deps: Deps;
	shopId: number;
	connectionId: number;
	home: HomeClient;
	lease: Lease;
	signal: AbortSignal | undefined;
};

/** Another process is at it; if it dies, its lease ends before this. */
const LEASED_MS = 15_000;
const UNAVAILABLE_MS = 15_000;
/** Only the merchant can help, and opening the app wakes the import. */
const REFUSED_MS = 5 * 60_000;
const APPLYING_MS = 500;
/** What changed during the export is read item by item; if that does not come through, the import ends without it. */
const FETCHES_WAIT_MS = 60_000;

/**
 * The first import of a shop: locations, then everything that is sellable with its levels, then what bundles are made of.
 *
 * Consistent while sales run: webhooks were there first and their events wait in the inbox. A figure of the export counts only
 * if its level last changed before the export began; else its item is read alone. Orders from before the export are in the
 * figures already (the connection's cut); everything after it is applied once the figures stand.
 *
 * Resumes wherever it was killed: the shop's row says which phase it is in and how many lines are in the inbox, a lease keeps
 * a second runner out, and every event carries a key, so that what is brought twice is taken once.
 */
export async function runImport(deps: Deps, shopId: number, { signal }: { signal?: AbortSignal } = {}): Promise<ImportOutcome> {
	const taken = await takeImport(deps.pool, shopId);
	if (taken.outcome === "leased") return { outcome: "again", delayMs: LEASED_MS };
	if (taken.outcome === "none") return { outcome: "stopped", why: taken.why };
	const { lease } = taken;
	let outcome: ImportOutcome = { outcome: "again", delayMs: UNAVAILABLE_MS };
	try {
		outcome = await runUnder(deps, shopId, lease, signal);
	} catch (error) {
		outcome = await outcomeOf(deps, shopId, lease, error);
	} finally {
		await releaseImport(deps.pool, shopId, lease, outcome.outcome === "again" ? outcome.delayMs : 0);
	}
	return outcome;
}

async function runUnder(deps: Deps, shopId: number, lease: Lease, signal: AbortSignal | undefined): Promise<ImportOutcome> {
	const home = await readHomeConnection(deps.pool, shopId);
	if (home === null) return { outcome: "stopped", why: "the shop has no home" };
	const { client, channel } = await openClient(deps, shopId, home.id);
	try {
		if (client.home === undefined) throw new Error(`The channel ${channel.id} is home of shop ${shopId} and has no home client`);
		return await runSteps({ deps, shopId, connectionId: home.id, home: client.home, lease, signal });
	} finally {
		await client.close();
	}
}

async function runSteps(work: Import): Promise<ImportOutcome> {
	const { deps, shopId, connectionId, lease } = work;
	while (!work.signal?.aborted) {
		const step = await nextStep(work);
		if (step === "done") {
			await deps.wake("apply.drain", { shopId });
			deps.log.info({ shopId, connectionId, ...lease.progress }, "import.finished");
			return { outcome: "done" };
		}
		if ("failed" in step) return { outcome: "stopped", why: step.failed };
		if (!step.next) return { outcome: "again", delayMs: step.delayMs };
	}
	return { outcome: "again", delayMs: 0 };
}

async function nextStep(work: Import): Promise<Step | "done"> {
	switch (work.lease.progress.phase) {
		case "locations":
			return importLocations(work);
		case "export":
			return work.lease.progress.exportId === null ? startExport(work) : followExport(work);
		case "rows":
			return importRows(work);
		case "applying":
			return settle(work);
	}
}

/** All lines are in the inbox: once they are applied, bundles and what is missing are settled, and the shop goes on. */
async function settle(work: Import): Promise<Step | "done"> {
	const { deps, shopId, connectionId, lease } = work;
	const unapplied = await whatIsUnapplied(deps.pool, shopId, connectionId);
	if (unapplied.events) {
		await deps.wake("apply.drain", { shopId });
		return { next: false, delayMs: APPLYING_MS };
	}
	if (!lease.progress.settled) {
		await importBundles(work);
		await markGoneItems(work);
		await askForWhatIsMissing(work);
		await lease.save(deps.pool, { settled: true });
		await deps.wake("ingest.fetch", { shopId, connectionId });
		return { next: true };
	}
	if (unapplied.fetches && Date.now() - lease.progress.rowsDoneAt < FETCHES_WAIT_MS) {
		await deps.wake("ingest.fetch", { shopId, connectionId });
		return { next: false, delayMs: APPLYING_MS };
	}
	await endImport(deps.pool, shopId, lease, { state: "done" });
	return "done";
}

/** What a failure means for the import, and what the merchant reads of it. */
async function outcomeOf(deps: Deps, shopId: number, lease: Lease, error: unknown): Promise<ImportOutcome> {
	if (error instanceof LeaseLostError) return { outcome: "stopped", why: "the shop uninstalled, or another run has taken over" };
	if (error instanceof ConnectionClosedError) return { outcome: "stopped", why: error.message };
	if (!(error instanceof ChannelError)) throw error;
	deps.log.warn({ err: error, shopId, phase: lease.progress.phase }, "import.interrupted");
	if (error instanceof CredentialsRejectedError) {
		await lease.say(deps.pool, `${error.message} The import goes on by itself after that.`);
		return { outcome: "again", delayMs: REFUSED_MS };
	}
	if (error.retryable) {
		await lease.say(deps.pool, "Shopify does not answer right now. The import goes on by itself.");
		const asked = "retryAfterMs" in error ? Number(error.retryAfterMs ?? 0) : 0;
		return { outcome: "again", delayMs: Math.max(UNAVAILABLE_MS, Math.min(asked, REFUSED_MS)) };
	}
	await endImport(deps.pool, shopId, lease, { state: "failed", error: `The import could not be finished: ${error.message}` });
	return { outcome: "stopped", why: error.message };
}
