import type { HomeApproval } from "#domain";
import { withhold } from "./guard.ts";
import { moveStock } from "./move.ts";
import { noteShortage } from "./reading.ts";
import { type ApplyState, type BatchEvent, stockKey, type Verdict } from "./state.ts";

/**
 * A person has decided about a change of home's that waited. Approved: it counts, and all is as if it had never waited.
 * Written back: home is told the difference to the former figure as it is told of a sale. Only what the person saw: what home
 * has changed since waits on. A second word on the same finds nothing.
 */
export function decideApproval(state: ApplyState, event: BatchEvent, approval: HomeApproval): Verdict {
	const itemId = state.itemByExternal.get(approval.itemExternalId);
	const location = state.locations.get(approval.locationExternalId);
	const key = stockKey(itemId ?? 0, location?.id ?? 0);
	const line = state.held.get(key);
	const stock = state.stock.get(key);
	const readAt = Date.parse(approval.readAt);
	if (!line || !stock || line.state !== "held") return { outcome: "ignored", note: "nothing waits" };
	if (line.readAt !== readAt) return { outcome: "ignored", note: "home has changed it since" };
	if (approval.verdict === "approve") {
		state.held.set(key, { ...line, state: "approved" });
		withhold(state, event, stock, 0, event.receivedAt);
		noteShortage(state, event, stock.itemId, stock.locationId, stock.homeQuantity ?? 0, readAt);
		return { outcome: "applied", note: "approved" };
	}
	state.held.set(key, { ...line, state: "kept" });
	const units = stock.withheld;
	const counted = withhold(state, event, stock, 0, event.receivedAt);
	const deltaOwed = counted.deltaOwed + units;
	const owing = { ...counted, deltaOwed, owedSince: deltaOwed === 0 ? null : (counted.owedSince ?? state.now) };
	const why = { cause: "kept" as const, connectionId: state.homeConnectionId, occurredAt: event.receivedAt };
	moveStock(state, event, owing, units, why);
	return { outcome: "applied", note: "written back" };
}
