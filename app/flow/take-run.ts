import { z } from "zod";
import type { Queryable } from "#app/db.server.ts";
import { ACTIONS, type ActionHandle } from "./vocabulary.ts";

/** shopify.dev, apps/build/flow/actions/endpoints: what Flow sends when a workflow reaches our step. */
const requestSchema = z.object({
	shopify_domain: z.string().min(1).max(255),
	action_run_id: z.string().min(1).max(200),
	handle: z.string().nullish(),
	properties: z.record(z.string(), z.unknown()).nullish(),
});

export type Taken =
	/** Kept: it will be done, or is done already (`outcome`). */
	| { outcome: "taken"; shopId: number; run: Run }
	/** It can never be done; the sentence is for the merchant, who reads it in the workflow's run log. */
	| { outcome: "refused"; sentence: string }
	/** No shop of this name has the app now. */
	| { outcome: "unknown-shop" };
export type Run = { outcome: "done" | "refused" | "failed" | null; message: string | null };

/**
 * Keeps what a workflow asks for, once per action_run_id, before anything of it is done. The shop is the one that the signed body
 * names. `body`: parsed JSON of a verified request that came to the address of `handle`.
 */
export async function takeRun(db: Queryable, handle: ActionHandle, body: unknown): Promise<Taken> {
	const request = requestSchema.safeParse(body);
	if (!request.success) return { outcome: "refused", sentence: "Lockstep could not read what this step sent." };
	const { shopify_domain, action_run_id, handle: said, properties } = request.data;
	// The same signed body at another action's address is not that action.
	if (said && said !== handle) return { outcome: "refused", sentence: `This is not the address of the action ${said}.` };
	const given = ACTIONS[handle].properties.safeParse(properties ?? {});
	if (!given.success) {
		const field = String(given.error.issues[0]?.path[0] ?? "a field");
		return { outcome: "refused", sentence: `The step's field "${field}" is missing or too long. Fill it in and run the workflow again.` };
	}
	const { rows } = await db.query<{ shopId: number }>(`SELECT id AS "shopId" FROM shop WHERE domain = $1 AND state = 'installed'`, [
		shopify_domain.toLowerCase(),
	]);
	const shopId = rows[0]?.shopId;
	if (shopId === undefined) return { outcome: "unknown-shop" };
	await db.query(
		"INSERT INTO flow_run (shop_id, run_id, handle, properties) VALUES ($1, $2, $3, $4) ON CONFLICT (shop_id, run_id) DO NOTHING",
		[shopId, action_run_id, handle, JSON.stringify(given.data)],
	);
	const kept = await db.query<Run & { handle: string }>(
		"SELECT handle, outcome, message FROM flow_run WHERE shop_id = $1 AND run_id = $2",
		[shopId, action_run_id],
	);
	const run = kept.rows[0];
	if (!run) return { outcome: "unknown-shop" };
	if (run.handle !== handle) return { outcome: "refused", sentence: "This run belongs to another action." };
	return { outcome: "taken", shopId, run: { outcome: run.outcome, message: run.message } };
}
