import { createHmac, randomUUID } from "node:crypto";
import type { World } from "../../world.ts";
import type { FlowConfig, FlowField } from "./flow-config.ts";

/**
 * Shopify Flow in one shop: which of the app's triggers a workflow waits for, what the app sent to them, and workflows that run
 * the app's actions. Everything that the app's extensions do not declare is refused.
 *
 * Recorded (2026-04, flowTriggerReceive): both forms at once, no handle, an unknown handle, too large. Not recorded, and worded
 * here: a field that is missing, undeclared or of another type. From the documentation: an action's request, ten seconds, which
 * statuses are sent again; a lifecycle callback, five seconds.
 */
export type FlowReceived = { at: number; handle: string; payload: Record<string, unknown>; started: boolean };
export type FlowRun = {
	runId: string;
	handle: string;
	properties: Record<string, unknown>;
	at: number;
	attempts: number;
	status: number | null;
	body: string;
	/** succeeded, failed (the merchant sees the body), or still being sent again. */
	state: "running" | "succeeded" | "failed";
};
type UserError = { field: string[] | null; message: string };

const PAYLOAD_BYTES_MAX = 50_000;
const LIFECYCLE_TIMEOUT_MS = 5_000;
const ACTION_TIMEOUT_MS = 10_000;
/** "At increasing intervals for up to 36 hours". */
const RETRY_FIRST_MS = 5_000;
const RETRY_FOR_MS = 36 * 3_600_000;
const KEPT_MAX = 200;

export type Flow = ReturnType<typeof createFlow>;

export function createFlow(given: {
	world: World;
	config: FlowConfig;
	shop: { id: number; domain: string };
	appUrl: string;
	secret: () => string;
	isInstalled: () => boolean;
	violated: (rule: string, detail: string) => void;
}) {
	const { world, config, shop } = given;
	const inUse = new Set<string>();
	const received: FlowReceived[] = [];
	const runs = new Map<string, FlowRun>();
	const now = () => Math.floor(world.clock.now());

	/** Signed over the raw body with the app's secret, as webhooks are. */
	const post = (address: string, message: unknown, timeoutMs: number) => {
		const body = JSON.stringify(message);
		const signature = createHmac("sha256", given.secret()).update(body).digest("base64");
		return world.callOut(new URL(address, given.appUrl).href, {
			headers: { "content-type": "application/json", "x-shopify-hmac-sha256": signature, "x-shopify-shop-domain": shop.domain },
			body,
			timeoutMs,
		});
	};

	const refuse = (field: string, message: string): UserError[] => {
		given.violated("Flow trigger refused", message.replaceAll(/\s+/g, " ").trim());
		return [{ field: [field], message }];
	};
	const invalid = (sentence: string) => refuse("body", `Errors validating schema:\n  ${sentence}.\n`);

	const attempt = async (run: FlowRun): Promise<void> => {
		const action = config.actions.find(({ handle }) => handle === run.handle);
		if (!action) throw new Error(`The app declares no action ${run.handle}.`);
		run.attempts++;
		try {
			const answer = await post(
				action.runtimeUrl,
				{
					shop_id: shop.id,
					shopify_domain: shop.domain,
					action_run_id: run.runId,
					action_definition_id: run.handle,
					handle: run.handle,
					properties: run.properties,
				},
				ACTION_TIMEOUT_MS,
			);
			run.status = answer.status;
			run.body = answer.body;
		} catch {
			run.status = null;
			run.body = "";
		}
		const again = run.status === null || run.status === 202 || run.status === 429 || run.status >= 500;
		run.state = again ? "running" : run.status !== null && run.status < 300 ? "succeeded" : "failed";
		if (!again) return;
		if (now() - run.at > RETRY_FOR_MS) run.state = "failed";
		else world.clock.after(RETRY_FIRST_MS * 2 ** (run.attempts - 1), () => void attempt(run));
	};

	return {
		triggers: config.triggers,
		actions: config.actions,
		isInUse: (handle: string) => inUse.has(handle),
		/** What the app sent, newest first. */
		received: (): readonly FlowReceived[] => [...received].reverse(),
		runs: (): readonly FlowRun[] => [...runs.values()].reverse(),

		/** `flowTriggerReceive`. A trigger that no workflow waits for is taken and starts nothing. */
		receive({ body, handle, payload }: { body?: string | null; handle?: string | null; payload?: unknown }): UserError[] {
			if (body && (handle || payload !== undefined))
				return refuse("body", "Cannot use `handle` and `payload` arguments with `body` argument");
			if (!handle) return refuse("handle", "`handle` and `payload` arguments are required");
			if (Buffer.byteLength(JSON.stringify(payload ?? null)) > PAYLOAD_BYTES_MAX)
				return invalid(`Properties size exceeds the limit of ${PAYLOAD_BYTES_MAX} bytes`);
			const trigger = config.triggers.find((one) => one.handle === handle);
			if (!trigger) return invalid(`Invalid handle '${handle}'`);
			const properties = (payload ?? {}) as Record<string, unknown>;
			const undeclared = Object.keys(properties).find((key) => !trigger.fields.some((field) => field.key === key));
			if (undeclared !== undefined) return invalid(`The property '${undeclared}' is not declared`);
			const wrong = trigger.fields.find((field) => !fits(field, properties[field.key]));
			if (wrong) return invalid(`The property '${wrong.key}' is missing or no ${wrong.type}`);
			received.push({ at: now(), handle, payload: properties, started: inUse.has(handle) });
			if (received.length > KEPT_MAX) received.shift();
			return [];
		},

		/** The merchant switches a workflow on or off that begins with this trigger. Throws a sentence if the app does not agree in time. */
		async use(handle: string, on: boolean, { calledBy = "name", at = now() }: { calledBy?: "name" | "handle" | "id"; at?: number } = {}) {
			const trigger = config.triggers.find((one) => one.handle === handle);
			if (!trigger) throw new Error(`The app declares no trigger ${handle}.`);
			if (config.lifecycleUrl !== null) {
				// Its documentation shows a name where it says "unique identifier": whichever is true, an app must know it.
				const definition = { name: trigger.name, handle, id: `0195-${handle.length}` }[calledBy];
				const answer = await post(
					config.lifecycleUrl,
					{
						flow_trigger_definition_id: definition,
						has_enabled_flow: on,
						shop_id: String(shop.id),
						shopify_domain: shop.domain,
						timestamp: new Date(at).toISOString(),
					},
					LIFECYCLE_TIMEOUT_MS,
				).catch(() => ({ status: 0 }));
				if (answer.status < 200 || answer.status > 299)
					throw new Error(`The workflow cannot be turned ${on ? "on" : "off"} now. Try again later.`);
			}
			if (on) inUse.add(handle);
			else inUse.delete(handle);
		},

		/** A workflow comes to a step of ours. Resolves with the first answer; what must be sent again is, by itself. */
		async run(handle: string, properties: Record<string, unknown>, { runId = randomUUID() }: { runId?: string } = {}): Promise<FlowRun> {
			const action = config.actions.find((one) => one.handle === handle);
			if (!action) throw new Error(`The app declares no action ${handle}.`);
			const undeclared = Object.keys(properties).find((key) => !action.fields.some((field) => field.key === key));
			if (undeclared !== undefined) throw new Error(`The action ${action.name} has no field ${undeclared}.`);
			const missing = action.fields.find(({ key, required }) => required && !properties[key]);
			if (missing) throw new Error(`${missing.name} can't be blank.`);
			if (!given.isInstalled()) throw new Error("The app is not installed.");
			const known = runs.get(runId);
			const run: FlowRun = known ?? { runId, handle, properties, at: now(), attempts: 0, status: null, body: "", state: "running" };
			runs.set(runId, run);
			if (runs.size > KEPT_MAX) runs.delete([...runs.keys()][0] as string);
			await attempt(run);
			return run;
		},
	};
}

function fits({ type, required }: FlowField, value: unknown): boolean {
	if (value === undefined || value === null) return !required;
	if (type === "number_decimal" || type === "number_integer" || type.endsWith("_reference")) return typeof value === "number";
	if (type === "boolean") return typeof value === "boolean";
	return typeof value === "string";
}
