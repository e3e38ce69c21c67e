import { ChannelError } from "#app/channels/errors.ts";
import type { Capabilities } from "#channels";
import { ConnectionClosedError, type Deps, noteRefusal, openClient, readConnection } from "#connections";
import { metrics } from "#telemetry";
import { CHECKED_STATES } from "./ask-check.ts";
import { forgetRows } from "./rooms.ts";
import { type RunLease, RunLostError, takeRun } from "./run.ts";
import { hasWaiting, settleDifferences } from "./settle-differences.ts";
import { BUSY_MS, type CheckClient, FAILED_PAUSE_MS, FAILURES_MAX, nextStep, type Work } from "./steps.ts";

/** Most differences end within a minute, and somebody may be watching; the clock looks after the others. */
const SETTLING_MS = 2_000;

export type CheckOutcome =
	| { outcome: "none" }
	| { outcome: "done"; runId: number; found: number }
	| { outcome: "failed"; runId: number; reason: string }
	| { outcome: "again"; delayMs: number };

/** `openClient`, or what stands in its place where a test has channels of its own. */
type OpenClient = (
	deps: Deps,
	shopId: number,
	connectionId: number,
) => Promise<{ client: CheckClient; channel: { capabilities: Pick<Capabilities, "listLagMs"> } }>;
type Options = { signal?: AbortSignal; open?: OpenClient };
/**
 * Does a connection's run: everything that the other side has is read into a table of its own, compared in one statement, and what
 * differs is asked for singly, by the ways that exist (R25). Nothing follows from a list that did not end well.
 *
 * Twice at once the second finds the lease taken. Killed anywhere, it is taken up by the sweep: a reading begins anew, since half a
 * list is no list, and what was compared goes on where it stood.
 */
export async function runCheck(deps: Deps, shopId: number, connectionId: number, options: Options = {}): Promise<CheckOutcome> {
	const lease = await takeRun(deps.pool, shopId, connectionId);
	if (lease === null) return settle(deps, shopId, connectionId);
	let againInMs = FAILED_PAUSE_MS;
	try {
		const outcome = await runUnder(deps, shopId, connectionId, lease, options);
		if (outcome.outcome === "again") againInMs = outcome.delayMs;
		return outcome;
	} catch (error) {
		if (error instanceof RunLostError) return { outcome: "none" };
		throw error;
	} finally {
		await lease.release(deps.pool, againInMs);
	}
}

/** What the last run found comes to its end. */
async function settle(deps: Deps, shopId: number, connectionId: number): Promise<CheckOutcome> {
	await settleDifferences(deps, { shopId });
	return (await hasWaiting(deps.pool, shopId, connectionId)) ? { outcome: "again", delayMs: SETTLING_MS } : { outcome: "none" };
}

async function runUnder(
	deps: Deps,
	shopId: number,
	connectionId: number,
	lease: RunLease,
	{ signal, open = openClient }: Options,
): Promise<CheckOutcome> {
	const connection = await readConnection(deps.pool, shopId, connectionId);
	if (connection?.shopState !== "installed" || !CHECKED_STATES.includes(connection.state))
		return fail(deps, shopId, lease, "The channel was paused or disconnected before it could be looked at.");
	if (await isImporting(deps, shopId)) {
		await lease.save(deps.pool, { note: "Your products are being read from Shopify at the moment. The check begins after that." });
		return { outcome: "again", delayMs: BUSY_MS };
	}
	try {
		const { client, channel } = await open(deps, shopId, connectionId);
		try {
			return await runSteps({ deps, shopId, connection, lagMs: channel.capabilities.listLagMs ?? 0, client, lease, signal });
		} finally {
			await client.close();
		}
	} catch (error) {
		if (error instanceof ConnectionClosedError)
			return fail(deps, shopId, lease, "The channel was paused or disconnected before it could be looked at.");
		if (error instanceof ChannelError) return afterError(deps, shopId, connectionId, lease, error);
		throw error;
	}
}

async function runSteps(work: Work): Promise<CheckOutcome> {
	const { deps, shopId, connection, lease } = work;
	for (;;) {
		const step = await nextStep(work);
		if (step === "done") {
			const tookMs = Date.now() - Date.parse(lease.run.beganAt ?? "");
			const found = await lease.end(deps.pool, { state: "done" });
			metrics().checkTime.observe({ channel: connection.channel }, Math.max(0, tookMs) / 1_000);
			metrics().differencesFound.inc({ channel: connection.channel }, found);
			deps.log.info({ shopId, connectionId: connection.id, runId: lease.run.id, read: lease.run.read, found, tookMs }, "check.finished");
			await forgetRows(deps.pool, shopId, lease.run);
			await deps.wake("reconcile.compare", { shopId, connectionId: connection.id });
			return { outcome: "done", runId: lease.run.id, found };
		}
		if ("failed" in step) return fail(deps, shopId, lease, step.failed);
		if (!step.next) return { outcome: "again", delayMs: step.delayMs };
	}
}

async function isImporting({ pool }: Deps, shopId: number): Promise<boolean> {
	const { rows } = await pool.query<{ is: boolean }>("SELECT import_state IN ('pending', 'running') AS is FROM shop WHERE id = $1", [
		shopId,
	]);
	return rows[0]?.is ?? true;
}

/** The channel's own trouble: tried again a few times, then with the next hour. */
async function afterError(deps: Deps, shopId: number, connectionId: number, lease: RunLease, error: ChannelError): Promise<CheckOutcome> {
	deps.log.warn({ err: error, shopId, connectionId, runId: lease.run.id }, "check.interrupted");
	if (error.errorClass === "credentials") await noteRefusal(deps.pool, shopId, connectionId, error.message);
	const failures = lease.run.failures + 1;
	if (!error.retryable || failures >= FAILURES_MAX) return fail(deps, shopId, lease, error.message);
	await lease.save(deps.pool, { failures, note: "The channel does not answer right now. The check goes on by itself." });
	const asked = "retryAfterMs" in error ? Number(error.retryAfterMs ?? 0) : 0;
	return { outcome: "again", delayMs: Math.max(FAILED_PAUSE_MS, Math.min(asked, BUSY_MS)) };
}

async function fail(deps: Deps, shopId: number, lease: RunLease, reason: string): Promise<CheckOutcome> {
	await lease.end(deps.pool, { state: "failed", note: reason });
	await forgetRows(deps.pool, shopId, lease.run);
	deps.log.warn({ shopId, runId: lease.run.id, reason }, "check.failed");
	return { outcome: "failed", runId: lease.run.id, reason };
}
