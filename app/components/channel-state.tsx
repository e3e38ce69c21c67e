import { Badge } from "@shopify/polaris";
import type { ChannelOverview } from "#app/overview/index.ts";

type Shown = Pick<ChannelOverview, "state" | "health" | "isHome">;

/** How a channel stands, in one word: trouble first. */
export function ChannelState({ channel, isPartlyLive = false }: { channel: Shown; isPartlyLive?: boolean }) {
	if (channel.health.state === "red" && channel.state !== "paused") return <Badge tone="critical">Not reachable</Badge>;
	if (channel.health.state === "degraded" && channel.state !== "paused") return <Badge tone="warning">Having trouble</Badge>;
	if (channel.isHome) return <Badge tone="success">Home</Badge>;
	switch (channel.state) {
		case "live":
			return isPartlyLive ? <Badge tone="success">Live with some</Badge> : <Badge tone="success">Live</Badge>;
		case "watching":
			return <Badge tone="info">Watching</Badge>;
		case "paused":
			return <Badge tone="attention">Paused</Badge>;
		case "connecting":
			return <Badge progress="partiallyComplete">Being set up</Badge>;
	}
}
