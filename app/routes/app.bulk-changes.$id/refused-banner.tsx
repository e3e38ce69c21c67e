import { Banner } from "@shopify/polaris";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";

type RefusedBannerProps = { set: BulkPage; mayOperate: boolean; busy: boolean; onLookAgain: () => void; onPutAway: () => void };

/** Why the dry run came to no end, and what to do about it. Nothing was changed. */
export function RefusedBanner({ set, mayOperate, busy, onLookAgain, onPutAway }: RefusedBannerProps) {
	if (set.source !== "orders")
		return (
			<Banner tone="critical" title="This file could not be read" action={{ content: "Choose another file", url: "/app/bulk-changes/new" }}>
				<p>{set.refusal}</p>
			</Banner>
		);
	return (
		<Banner
			tone="critical"
			title={`The orders of ${set.channel} could not be read`}
			{...(mayOperate
				? {
						action: { content: "Try again", onAction: onLookAgain, loading: busy },
						secondaryAction: { content: "Put away", onAction: onPutAway },
					}
				: {})}
		>
			<p>{set.refusal} Nothing was changed.</p>
		</Banner>
	);
}
