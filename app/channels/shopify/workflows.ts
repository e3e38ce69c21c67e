import { z } from "zod";
import type { WorkflowStart } from "../channel.ts";
import { UnexpectedShapeError } from "../errors.ts";
import type { GraphqlClient } from "./client.ts";
import { RECEIVE_FLOW_TRIGGER } from "./operations/receive-flow-trigger.ts";

/** A mutation that returns nothing but its errors. */
const COST = 10;

/**
 * Tells Shopify Flow that one of our triggers has happened. Needs no access scope. Recorded refusals: "Errors validating schema:\n
 * Invalid handle 'x'.\n" (the extension is not deployed), "… Properties size exceeds the limit of 50000 bytes.\n"; a trigger that
 * no workflow of the shop waits for is taken and starts nothing.
 */
export async function startWorkflows(
	client: GraphqlClient,
	event: { handle: string; payload: Readonly<Record<string, unknown>> },
): Promise<WorkflowStart> {
	const { data } = await client.run({
		operation: "flow.trigger",
		document: RECEIVE_FLOW_TRIGGER,
		variables: { handle: event.handle, payload: event.payload },
		schema: answerSchema,
		cost: COST,
		changesThings: true,
	});
	if (data.flowTriggerReceive === null) throw new UnexpectedShapeError("flow.trigger: neither done nor refused");
	const [refusal] = data.flowTriggerReceive.userErrors;
	return refusal ? { outcome: "refused", reason: refusal.message } : { outcome: "taken" };
}

const answerSchema = z.object({
	flowTriggerReceive: z
		.object({ userErrors: z.array(z.object({ field: z.array(z.string()).nullable(), message: z.string() })) })
		.nullable(),
});
