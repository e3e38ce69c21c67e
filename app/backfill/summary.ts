import type { OrdersSummary } from "./orders/summary.ts";
import type { FileSummary } from "./sum-up.ts";

/** What a dry run saw, frozen. */
export type BulkSummary = FileSummary | OrdersSummary;

/** What a person's right is asked for by. Orders take listings to zero as every sale does. */
export const approvalOf = (summary: BulkSummary | null): { toZero: number; raised: number } =>
	summary?.kind === "file" ? { toZero: summary.zeroItems, raised: summary.raisedItems } : { toZero: 0, raised: 0 };
