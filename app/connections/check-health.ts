import { ChannelError } from "#app/channels/errors.ts";
import type { HealthReport } from "#channels";
import type { Deps } from "./deps.ts";
import { clearByLook, noteTrouble, setHealth } from "./health.ts";
import { openClient } from "./open-client.ts";

export type HealthChecked = { outcome: "green" } | { outcome: "red" | "degraded"; reason: string };

/**
 * Asks the real API, with the connection's own access, whether it answers and lets us work (R31): a quiet channel's trouble is known
 * before the next sale meets it. A refusal is red; what passes by itself (down, slow, asked too much) is trouble. A good answer takes
 * away what a look like this one has found, and refusals; what delivery's breaker has found is the breaker's to take away, and what a
 * refused renewal of the access has found goes with the next renewal. Twice or at once it says the same.
 */
export async function checkHealth(deps: Deps, shopId: number, connectionId: number): Promise<HealthChecked> {
	const report = await ask(deps, shopId, connectionId);
	const checked = await noteReport(deps, shopId, connectionId, report);
	await deps.pool.query("UPDATE connection SET health_checked_at = now() WHERE shop_id = $1 AND id = $2", [shopId, connectionId]);
	return checked;
}

async function noteReport({ pool, log }: Deps, shopId: number, connectionId: number, report: HealthReport): Promise<HealthChecked> {
	if (report.health === "green") {
		await clearByLook(pool, shopId, connectionId);
		return { outcome: "green" };
	}
	const { reason, error } = report;
	log.warn({ shopId, connectionId, err: error }, "health.bad");
	if (error.retryable) {
		await noteTrouble(pool, shopId, connectionId, reason);
		return { outcome: "degraded", reason };
	}
	await setHealth(pool, shopId, connectionId, { health: "red", reason });
	return { outcome: "red", reason };
}

async function ask(deps: Deps, shopId: number, connectionId: number): Promise<HealthReport> {
	const { client } = await openClient(deps, shopId, connectionId);
	try {
		return await client.check();
	} catch (error) {
		if (error instanceof ChannelError) return { health: "red", reason: error.message, error };
		throw error;
	} finally {
		await client.close();
	}
}
