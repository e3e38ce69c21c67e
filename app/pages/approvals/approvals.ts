import type { SetStanding } from "#app/guards/index.ts";

export const ROW_STATES = ["waiting", "passed", "done"] as const;
export type RowState = (typeof ROW_STATES)[number];

/** A product at a place, with what stood there, what Shopify says now, and what its channels show meanwhile. */
export type ApprovalRow = {
	/** Unique in the list. */
	key: string;
	itemId: number;
	title: string;
	sku: string;
	/** Empty in a shop with one location. */
	location: string;
	former: number;
	toFigure: number;
	state: "waiting" | "deciding" | "passed" | "approved" | "kept" | "mended";
	shows: { channel: string; figure: number | null }[];
};

export type ApprovalPage = {
	asOf: string;
	set: SetStanding & { keptByName: string | null };
	rows: ApprovalRow[];
	pages: { before: string | null; after: string | null };
};
