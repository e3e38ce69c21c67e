import { Badge } from "@shopify/polaris";
import type { SetStanding } from "#app/guards/index.ts";
import { plural } from "./words.ts";

/** "312 products would go to zero". Of a set that is over: what it was about. */
export function sayChanges({ kind, waiting, deciding, approved, writtenBack, mended }: Counts): string {
	const open = waiting + deciding;
	const products = plural(open > 0 ? open : approved + writtenBack + mended, "product");
	if (open > 0) return kind === "zero" ? `${products} would go to zero` : `${products} would be raised`;
	return kind === "zero" ? `${products} that went to zero in Shopify` : `${products} that were raised in Shopify`;
}
/** Of a set that was just found. */
export const NONE_DECIDED = { deciding: 0, approved: 0, writtenBack: 0, mended: 0 };
type Counts = Pick<SetStanding, "kind" | "waiting" | "deciding" | "approved" | "writtenBack" | "mended">;

export function standingBadge({ waiting, deciding, keptAt }: Pick<SetStanding, "waiting" | "deciding" | "keptAt">) {
	if (waiting > 0 && keptAt !== null) return <Badge>Former figures kept</Badge>;
	if (waiting > 0) return <Badge tone="attention">Waiting for your approval</Badge>;
	return deciding > 0 ? <Badge tone="info">Being done</Badge> : <Badge tone="success">Decided</Badge>;
}

export const sayWhatApproving = ({ kind, waiting }: Pick<SetStanding, "kind" | "waiting">): string =>
	kind === "zero"
		? `${plural(waiting, "product")} will stop selling on your channels within minutes, until Shopify has stock of them again.`
		: `Your channels will show Shopify's new figures of ${plural(waiting, "product")}.`;
