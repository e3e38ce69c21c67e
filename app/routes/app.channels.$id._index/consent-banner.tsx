import { Banner } from "@shopify/polaris";
import type { ChannelPage } from "#app/pages/channels/read-channel.ts";
import { Day } from "../../components/when.tsx";

type ConsentBannerProps = { page: ChannelPage; base: string; mayApprove: boolean };

/** A month before a consent ends, and after. While the channel refuses the access already, its trouble says the same above. */
export function ConsentBanner({ page: { channel, consent }, base, mayApprove }: ConsentBannerProps) {
	if (!consent?.isEnding || consent.endsAt === null || consent.isRefused) return null;
	return (
		<Banner
			tone="warning"
			title={consent.hasEnded ? `Your consent on ${channel.kind} has ended` : `Your consent on ${channel.kind} ends soon`}
			{...(mayApprove ? { action: { content: "Renew consent", url: `${base}/renew` } } : {})}
		>
			<p>
				{channel.kind} asks you to agree again {consent.hasEnded ? "since" : "by"} <Day at={consent.endsAt} />. Without it Lockstep can
				neither count orders there nor update what is for sale. Renewing takes a minute, and changes nothing else.
				{!mayApprove && " Somebody with the right “Approve and connect” can renew it."}
			</p>
		</Banner>
	);
}
