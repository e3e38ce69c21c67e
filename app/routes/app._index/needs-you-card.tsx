import { Badge, type BadgeProps, BlockStack, Box, Button, Card, InlineStack, Link, Text } from "@shopify/polaris";
import type { Overview } from "#app/overview/index.ts";
import { type Need, needsYou } from "#app/overview/needs-you.ts";
import { NONE_DECIDED, sayChanges } from "../../components/approval-words.tsx";
import { sayProblem } from "../../components/problem-words.ts";
import { ago, counted, duration, plural } from "../../components/words.ts";

/** The one list of what does not mend itself, each with the page on which to do something about it. Nothing: no card. */
export function NeedsYouCard({ overview }: { overview: Overview }) {
	const { total, needs } = needsYou(overview);
	if (needs.length === 0) return null;
	const unlisted = { count: total.count - needs.length, more: total.more };
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h2" variant="headingSm">
						Needs you
					</Text>
					<Badge tone="warning">{counted(total)}</Badge>
				</InlineStack>
			</Box>
			<ul className="rows" data-testid="needs-you">
				{needs.map((need) => (
					<li key={keyOf(need)} className="row row-sale">
						<Row {...say(need, overview)} />
					</li>
				))}
			</ul>
			{unlisted.count > 0 && (
				<Box padding="400" paddingBlockStart="200">
					<Text as="p" variant="bodySm" tone="subdued">
						And {counted(unlisted)} more. <Link url="/app/failed-updates">See failed updates</Link>
					</Text>
				</Box>
			)}
		</Card>
	);
}

type Said = { subject: string; sentence: string; badge: string; tone: BadgeProps["tone"]; action: { label: string; url: string } };

function Row({ subject, sentence, badge, tone, action }: Said) {
	return (
		<>
			<BlockStack gap="050">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h3" fontWeight="medium">
						{subject}
					</Text>
					<Badge {...(tone ? { tone } : {})}>{badge}</Badge>
				</InlineStack>
				<Text as="p" variant="bodySm" tone="subdued">
					{sentence}
				</Text>
			</BlockStack>
			<Button url={action.url} accessibilityLabel={`${action.label}: ${subject}`}>
				{action.label}
			</Button>
		</>
	);
}

function say(need: Need, { asOf, channels }: Overview): Said {
	const openChannel = (id: number) => ({ label: "Open channel", url: urlOf(channels, id) });
	switch (need.need) {
		case "unreachable": {
			const { id, name, health } = need.channel;
			return {
				subject: name,
				sentence: `${health.reason ?? "It does not answer."} For ${duration(Date.parse(asOf) - Date.parse(health.since))} now. What should be sent waits; nothing is lost.`,
				badge: "Not reachable",
				tone: "critical",
				action: openChannel(id),
			};
		}
		case "oversold": {
			const { id, title, sku, owed, order, channel, at } = need.line;
			return {
				subject: title || sku,
				sentence: `${plural(owed, "unit")} owed on ${order ? `${channel} ${order}` : channel}, ${ago(at, asOf)}. It is held at 0 on the other channels until stock covers it.`,
				badge: "Oversold",
				tone: "critical",
				action: { label: "See what to do", url: `/app/oversells/${id}` },
			};
		}
		case "approval": {
			const { id, kind, products, passed, since } = need.changes;
			const gone = passed > 0 ? ` ${plural(passed, "product")} had gone out before.` : "";
			return {
				subject: sayChanges({ ...NONE_DECIDED, kind, waiting: products }),
				sentence: `Changed in Shopify ${ago(since, asOf)}, and not by sales. Your channels go on with the former figures until somebody approves.${gone}`,
				badge: "Waiting for your approval",
				tone: "attention",
				action: { label: "Approve or keep", url: `/app/approvals/${id}` },
			};
		}
		case "kept-figures":
			return {
				subject: "Figures that a channel keeps",
				sentence: `${plural(need.listings, "listing")} ${need.listings === 1 ? "shows" : "show"} another figure again although the channel took the right one. A limit there, or another app, stands against it.`,
				badge: "Difference",
				tone: "warning",
				action: { label: "See what differs", url: "/app/checks?state=open&cause=clamped" },
			};
		case "kept-paused":
			return {
				subject: "Paused after an oversell",
				sentence: `${plural(need.listings, "listing")} with stock again ${need.listings === 1 ? "stays" : "stay"} at 0 until somebody resumes ${need.listings === 1 ? "it" : "them"}, as your settings say.`,
				badge: "Paused",
				tone: "warning",
				action: { label: "See what is paused", url: "/app/stock?state=paused" },
			};
		case "consent": {
			const { connectionId, channel, endsAt } = need.consent;
			const left = Date.parse(endsAt) - Date.parse(asOf);
			return {
				subject: channel,
				sentence:
					left > 0
						? `Your permission for Lockstep ends in ${duration(left)}. Renew it on the channel's page, and nothing stops.`
						: "Your permission for Lockstep has ended. Once you renew it, everything that waits is sent.",
				badge: left > 0 ? "Renew soon" : "Renew now",
				tone: left > 0 ? "warning" : "critical",
				action: openChannel(connectionId),
			};
		}
		case "version": {
			const { name, pinned, endsAt, hasEnded } = need.version;
			const left = Date.parse(endsAt) - Date.parse(asOf);
			return {
				subject: name,
				sentence: hasEnded
					? `${name} no longer supports the version of its interface that this Lockstep speaks (${pinned}). Lockstep must be updated: tell whoever runs it.`
					: `${name} supports the version of its interface that this Lockstep speaks (${pinned}) for ${duration(left)} more. Lockstep must be updated before: tell whoever runs it.`,
				badge: hasEnded ? "Update now" : "Update soon",
				tone: hasEnded ? "critical" : "warning",
				action: { label: "See versions", url: "/app/channels" },
			};
		}
		case "slow": {
			const { connectionId, channel, count } = need.alert;
			return {
				subject: channel,
				sentence: `Of a hundred sales elsewhere the slowest took ${duration(count * 1000)} to arrive there in the last quarter of an hour. Until they arrive, it may sell what is gone.`,
				badge: "Slow",
				tone: "warning",
				action: openChannel(connectionId),
			};
		}
		case "other-writer": {
			const { connectionId, channel, count } = need.alert;
			const isHome = channels.some(({ id, isHome }) => id === connectionId && isHome);
			return {
				subject: channel,
				sentence: isHome
					? `Something else set stock in Shopify back ${plural(count, "time")} in a day, to what it was before units were sold on another channel. Those units are for sale again.`
					: `Something else changed stock there ${plural(count, "time")} in a day: no order, and not Lockstep. Buyers may see a wrong figure in between.`,
				badge: "Another writer",
				tone: "warning",
				action: openChannel(connectionId),
			};
		}
		case "totals":
			return {
				subject: need.alert.channel,
				sentence:
					"Orders, units, sums or figures of the last seven days are not the same there and in Lockstep. What differs is read again by itself.",
				badge: "Totals differ",
				tone: "warning",
				action: { label: "See what differs", url: `/app/checks/totals/${need.alert.count}` },
			};
		case "forgotten-pause": {
			const { connectionId, channel, count } = need.alert;
			return {
				subject: channel,
				sentence: `${plural(count, "listing")} with stock ${count === 1 ? "is" : "are"} paused for a day or longer, and ${count === 1 ? "shows a figure" : "show figures"} that nobody keeps. Resume ${count === 1 ? "it" : "them"} if the pause was forgotten.`,
				badge: "Paused",
				tone: "info",
				action: { label: "See what is paused", url: `/app/stock?state=paused&channel=${connectionId}` },
			};
		}
		case "undelivered":
		case "not-understood": {
			const { id, subject, channel, at, error, attempts, failures, direction, connectionId, errorClass, operation } = need.line;
			const badge = need.need === "undelivered" ? "Update failed" : "Not understood";
			if (failures === 1) {
				const sentence = `${channel} · ${ago(at, asOf)}: ${error} (${plural(attempts, "attempt")})`;
				return { subject, sentence, badge, tone: "warning", action: { label: "See what to do", url: `/app/failed-updates/${id}` } };
			}
			const side = direction === "out" ? "updates" : "messages";
			const query = new URLSearchParams({ side, channel: String(connectionId), kind: errorClass, what: operation });
			return {
				subject: sayProblem({ side, channel, operation, errorClass, count: failures }),
				sentence: `The newest ${ago(at, asOf)}: ${subject}. ${error}`,
				badge,
				tone: "warning",
				action: { label: "See them", url: `/app/failed-updates?${query}` },
			};
		}
	}
}

/** Home has no page of its own: what there is to see of it stands in the list of channels. */
const urlOf = (channels: Overview["channels"], id: number) =>
	channels.some((channel) => channel.id === id && !channel.isHome) ? `/app/channels/${id}` : "/app/channels";

const keyOf = (need: Need): string => {
	switch (need.need) {
		case "unreachable":
			return `channel-${need.channel.id}`;
		case "approval":
			return `approval-${need.changes.id}`;
		case "kept-figures":
		case "kept-paused":
			return need.need;
		case "slow":
		case "other-writer":
		case "totals":
		case "forgotten-pause":
			return `${need.need}-${need.alert.connectionId}`;
		case "version":
			return `version-${need.version.name}`;
		case "consent":
			return `consent-${need.consent.connectionId}`;
		default:
			return `${need.need}-${need.line.id}`;
	}
};
