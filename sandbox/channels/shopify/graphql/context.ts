import type { AppConfig } from "../app-config.ts";
import type { AccessToken } from "../auth.ts";
import type { Flow } from "../flow.ts";
import type { Stage } from "../happening.ts";
import type { AdjustmentGroup, ShopState } from "../model.ts";
import type { Idempotency } from "./idempotency.ts";

/** What every resolver gets: the shop, who asks, and by which rules. */
export type Context = {
	stage: Stage;
	state: ShopState;
	access: AccessToken;
	config: AppConfig;
	clientId: string;
	/** The version that answers, after falling forward. */
	version: string;
	/** Which personal data the app is approved for. Level 1: orders without name, address, phone and email. */
	protectedData: "none" | "level1" | "level2";
	/** Inside a bulk operation connections have no page size. */
	bulk: boolean;
	/** How long the search index is behind. */
	searchLagMs: number;
	idempotency: Idempotency;
	groups: Map<number, AdjustmentGroup>;
	bulkOperations: { run(query: string, groupObjects: boolean, access: AccessToken): unknown; cancel(id: number): unknown };
	flow: Flow;
	cancelOrder(orderId: number, options: { restock: boolean; reason: string }): string;
	/** An old write that lands late: its key is taken at once, its effect comes when this resolves. */
	landsAfter: Promise<void> | null;
	/** `fails inside`: the mutation breaks after its key was taken (magic SKU FAIL-INTERNAL). */
	fate: "normal" | "fails inside";
	violated(rule: string, detail: string): void;
};
