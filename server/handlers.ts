import { forgetOldMail, lookForAlerts, type Mailer, queueDigests, sendMail } from "#alerts";
import { runBulk } from "#app/backfill/index.ts";
import { ensureWebhooks, forgetOldRequests, runSetUp } from "#app/connections/guests/index.ts";
import { runCancellations } from "#app/oversells/index.ts";
import { runReplays } from "#app/replay/index.ts";
import { applyDepsOf } from "#app/wiring.ts";
import { drainShop } from "#apply";
import { apiCalendar } from "#channels";
import {
	ConnectionClosedError,
	checkHealth,
	type Deps,
	handleLifecycle,
	openClient,
	refreshAgingTokens,
	resealCredentials,
	runImport,
} from "#connections";
import { foldProblems, openDepthOfAll } from "#dead-letters";
import { type DeliveryDeps, deliver, lookLate, resolveMended } from "#delivery";
import { doRuns, forgetOldEvents, noticeOutOfStep, sendEvents } from "#flow";
import { keepHouse } from "#inbox";
import { runFetches } from "#ingest";
import type { Handlers } from "#jobs";
import {
	compareTotals,
	countFoundByPollOfAll,
	countOpenDifferences,
	forgetLeftRows,
	pollOrders,
	runCheck,
	settleDifferences,
} from "#reconcile";
import { type Logger, metrics } from "#telemetry";
import { createSweep, type SweepDeps } from "./sweep.ts";

/** The pace of trying again: between two rounds live traffic has the channel for itself. */
const REPLAY_ROUND_MS = 1_000;
/** Delivery has its hands full: a second empties some calls' worth of it. */
const BULK_ROUND_MS = 1_000;

export type HandlerDeps = Deps & SweepDeps & { publicUrl: string /** null: this server sends no e-mails. */; mailer?: Mailer | null };

/**
 * What a worker does for each job of the catalogue (app/jobs/catalog.ts). Each line says in its stage why it may run twice or
 * late; here is only who does what. A connection that was closed meanwhile has nothing to do and is no failure.
 */
export function createHandlers(deps: HandlerDeps): Handlers {
	const applying = applyDepsOf(deps);
	const delivering = deliveryDepsOf(deps);
	let depthIsKnown = false;
	return {
		async "apply.drain"({ shopId }) {
			const drained = await drainShop(applying, shopId);
			return drained.outcome === "more" ? { again: { delayMs: 0 } } : undefined;
		},
		async "ingest.fetch"({ shopId, connectionId }, { signal }) {
			const run = await unlessClosed(() => runFetches(deps, shopId, connectionId, { signal }));
			return run && run.againInMs !== null ? { again: { delayMs: run.againInMs } } : undefined;
		},
		async "delivery.push"(payload) {
			const done = await deliver(delivering, payload, "well");
			if (done !== "other-lane") return done;
			await deps.wake("delivery.retry", payload);
			return undefined;
		},
		async "delivery.retry"(payload) {
			const done = await deliver(delivering, payload, "troubled");
			if (done !== "other-lane") return done;
			await deps.wake("delivery.push", payload);
			return undefined;
		},
		async "connections.poll-orders"({ shopId, connectionId }) {
			await unlessClosed(() => pollOrders(deps, shopId, connectionId));
			return undefined;
		},
		async "reconcile.compare"({ shopId, connectionId }, { signal }) {
			const checked = await runCheck(deps, shopId, connectionId, { signal });
			return checked.outcome === "again" ? { again: { delayMs: checked.delayMs } } : undefined;
		},
		async "reconcile.totals"({ shopId, connectionId }) {
			await unlessClosed(() => compareTotals(deps, shopId, connectionId));
			return undefined;
		},
		async "connections.check-health"({ shopId, connectionId }) {
			await unlessClosed(() => checkHealth(deps, shopId, connectionId));
			return undefined;
		},
		async "connections.watch-webhooks"({ shopId, connectionId }) {
			const kept = await unlessClosed(() => ensureWebhooks(deps, shopId, connectionId));
			// A webhook that had to be made anew was missing: what happened meanwhile is read.
			if (kept?.outcome === "in-place" && kept.created > 0) await deps.wake("connections.poll-orders", { shopId, connectionId });
			return undefined;
		},
		async "connections.set-up"({ shopId, connectionId }) {
			const { outcome } = await runSetUp(deps, shopId, connectionId);
			return outcome === "waiting" ? { again: { delayMs: 1_000 } } : undefined;
		},
		async "backfill.run"({ shopId }) {
			const { outcome } = await runBulk(deps, shopId);
			if (outcome === "later") return { again: { delayMs: BULK_ROUND_MS } };
			return outcome === "more" ? { again: { delayMs: 0 } } : undefined;
		},
		async "replay.run"({ shopId }) {
			const { outcome } = await runReplays(deps, shopId);
			return outcome === "more" ? { again: { delayMs: REPLAY_ROUND_MS } } : undefined;
		},
		async "shopify.import"({ shopId }, { signal }) {
			const imported = await unlessClosed(() => runImport(deps, shopId, { signal }));
			return imported?.outcome === "again" ? { again: { delayMs: imported.delayMs } } : undefined;
		},
		async "connections.lifecycle"({ shopId }) {
			const handled = await handleLifecycle(deps, shopId);
			return handled.outcome === "again" ? { again: { delayMs: handled.delayMs } } : undefined;
		},
		async "oversells.cancel"({ shopId, connectionId }) {
			const run = await unlessClosed(() => runCancellations(deps, shopId, connectionId));
			return run && run.againInMs !== null ? { again: { delayMs: run.againInMs } } : undefined;
		},
		async "flow.send"({ shopId }) {
			const sending = await unlessClosed(() => sendEvents(deps, shopId));
			return sending?.outcome === "more" ? { again: { delayMs: 0 } } : undefined;
		},
		async "flow.run"({ shopId }) {
			const { outcome } = await doRuns(deps, shopId);
			return outcome === "more" ? { again: { delayMs: 0 } } : undefined;
		},
		async "alerts.send"({ shopId }) {
			const { outcome } = await sendMail({ ...deps, mailer: deps.mailer ?? null }, shopId);
			return outcome === "more" ? { again: { delayMs: 0 } } : undefined;
		},
		sweep: createSweep(deps),
		async "flow.look"() {
			await noticeOutOfStep(deps.pool);
			await resolveMended(deps.pool);
			await lookLate(deps.pool);
			await settleDifferences(deps);
			metrics().differencesOpen.reset();
			for (const { channel, cause, count } of await countOpenDifferences(deps.pool))
				metrics().differencesOpen.set({ channel, cause }, count);
		},
		async "polls.count"() {
			const counted = await countFoundByPollOfAll(deps.pool);
			metrics().ordersFoundByPoll.reset();
			for (const { channel, found } of counted) metrics().ordersFoundByPoll.set({ channel }, found);
		},
		async "failures.count"() {
			if ((await foldProblems(deps.pool)) === 0 && depthIsKnown) return;
			depthIsKnown = true;
			const { updates, messages } = await openDepthOfAll(deps.pool);
			metrics().failuresOpen.set({ side: "updates" }, updates);
			metrics().failuresOpen.set({ side: "messages" }, messages);
		},
		async "alerts.look"() {
			const appUrlOf = appUrlIn(deps.env.shopifyApiKey);
			await lookForAlerts(deps.pool, { appUrlOf });
			await queueDigests(deps.pool, { appUrlOf });
		},
		async "connections.refresh-tokens"() {
			await refreshAgingTokens(deps);
		},
		async housekeeping({ log }) {
			tellVersions(log);
			await keepHouse(deps.pool, log);
			await forgetOldRequests(deps.pool);
			await forgetOldEvents(deps.pool);
			await forgetOldMail(deps.pool);
			await forgetLeftRows(deps.pool);
			await resealCredentials(deps);
		},
	};
}

/** Also into the log, in time: whoever runs this may look at no figures. */
function tellVersions(log: Logger): void {
	for (const { channel, pinned, daysLeft, sunsetAt, state } of apiCalendar(new Date())) {
		if (daysLeft !== null) metrics().apiVersionDaysLeft.set({ channel, version: pinned }, daysLeft);
		if (state === "ends-soon" || state === "ended") log.warn({ channel, version: pinned, daysLeft, sunsetAt }, "api.version_ends");
	}
}

/** Where the app is in a shop's admin: shopify.dev, "Embedded app URLs", by the app's client id. */
const appUrlIn = (apiKey: string) => (domain: string) =>
	`https://admin.shopify.com/store/${domain.replace(/\.myshopify\.com$/, "")}/apps/${apiKey}`;

function deliveryDepsOf(deps: Deps): DeliveryDeps {
	return {
		pool: deps.pool,
		log: deps.log,
		openClient: async (shopId, connectionId) => (await unlessClosed(() => openClient(deps, shopId, connectionId))) ?? null,
		onEvent: (shopId) => void deps.wake("apply.drain", { shopId }),
	};
}

async function unlessClosed<T>(work: () => Promise<T>): Promise<T | undefined> {
	try {
		return await work();
	} catch (error) {
		if (error instanceof ConnectionClosedError) return undefined;
		throw error;
	}
}
