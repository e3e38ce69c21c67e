import { BlockStack, Box, Card, Icon, InlineStack, ProgressBar, Text } from "@shopify/polaris";
import {
	AlertDiamondIcon,
	AlertTriangleIcon,
	CheckCircleIcon,
	ClockIcon,
	ConnectIcon,
	ImportIcon,
	PauseCircleIcon,
	RefreshIcon,
	ViewIcon,
} from "@shopify/polaris-icons";
import type { Overview } from "#app/overview/index.ts";
import { type Verdict, verdictOf } from "#app/overview/verdict.ts";
import { NONE_DECIDED, sayChanges } from "../../components/approval-words.tsx";
import { duration, listed, number, plural } from "../../components/words.ts";

type Tone = "success" | "info" | "warning" | "critical" | "subdued";
type Said = { tone: Tone; icon: typeof CheckCircleIcon; title: string; sentence: string };

export function VerdictCard({ overview, connected }: { overview: Overview; connected: boolean }) {
	const verdict = verdictOf(overview);
	const { tone, icon, title, sentence } = sayVerdict(verdict, overview.asOf);
	return (
		<Card>
			<InlineStack gap="400" blockAlign="start" wrap={false}>
				<Box background={BACKGROUNDS[tone]} borderRadius="300" padding="200">
					<Icon source={icon} tone={tone === "subdued" ? "subdued" : tone} />
				</Box>
				<div style={{ flex: 1, minWidth: 0 }}>
					<BlockStack gap="100">
						<InlineStack align="space-between" blockAlign="start" gap="200" wrap={false}>
							<Text as="h1" variant="headingLg">
								<span id="verdict" data-testid="verdict" data-verdict={verdict.verdict}>
									{title}
								</span>
							</Text>
							<LiveSign connected={connected} />
						</InlineStack>
						<Text as="p" tone="subdued">
							{sentence}
						</Text>
						{verdict.verdict === "reading" && <ReadingBar {...verdict} />}
					</BlockStack>
				</div>
			</InlineStack>
		</Card>
	);
}

function LiveSign({ connected }: { connected: boolean }) {
	return (
		<InlineStack gap="150" blockAlign="center" wrap={false}>
			<span className="live-dot" data-connected={connected} />
			<Text as="span" variant="bodySm" tone="subdued">
				{connected ? "Live" : "Reconnecting…"}
			</Text>
		</InlineStack>
	);
}

function ReadingBar({ done, total }: { done: number; total: number | null }) {
	const percent = total ? Math.min(100, Math.round((done / total) * 100)) : 0;
	return (
		<Box paddingBlockStart="200">
			<ProgressBar progress={percent} size="small" tone="highlight" animated={false} ariaLabelledBy="verdict" />
		</Box>
	);
}

const BACKGROUNDS = {
	success: "bg-surface-success",
	info: "bg-surface-info",
	warning: "bg-surface-warning",
	critical: "bg-surface-critical",
	subdued: "bg-surface-secondary",
} as const;

/** The merchant's words for each verdict: what is so, what it means for their shop, and what to do if anything. */
function sayVerdict(verdict: Verdict, now: string): Said {
	switch (verdict.verdict) {
		case "reading": {
			const of = verdict.total === null ? number(verdict.done) : `${number(verdict.done)} of ${number(verdict.total)}`;
			return {
				tone: "info",
				icon: ImportIcon,
				title: `Reading your products: ${of}`,
				sentence: "You can close this page. Orders that come in meanwhile are kept and counted once.",
			};
		}
		case "reading-failed":
			return {
				tone: "critical",
				icon: AlertDiamondIcon,
				title: "Your products could not be read",
				sentence: `${verdict.reason} We try again by ourselves; nothing is changed on any channel until it has worked.`,
			};
		case "alone":
			return {
				tone: "subdued",
				icon: ConnectIcon,
				title: "No sales channel is connected yet",
				sentence: "Your stock in Shopify is read and followed. Once a channel is connected, it is kept in step with it.",
			};
		case "broken":
			return {
				tone: "critical",
				icon: AlertDiamondIcon,
				title: `${verdict.channel.name} cannot be reached${andOthers(verdict.others)}`,
				sentence: `${verdict.channel.health.reason ?? "It does not answer."} Its stock may be out of date, for ${since(verdict.channel.health.since, now)} now. Once it can be reached, it catches up by itself.`,
			};
		case "troubled": {
			const { name, behind } = verdict.channel;
			return {
				tone: "warning",
				icon: AlertTriangleIcon,
				title: `${name} has trouble answering${andOthers(verdict.others)}`,
				sentence: `We ask again by ourselves${behind > 0 ? `; ${plural(behind, "update")} ${behind === 1 ? "waits" : "wait"} for it` : ""}. The other channels go on as usual.`,
			};
		}
		case "oversold":
			return {
				tone: "critical",
				icon: AlertDiamondIcon,
				title: `${plural(verdict.units, "unit")} ${verdict.units === 1 ? "is" : "are"} oversold`,
				sentence: "The products are held at 0 on the other channels, and go on sale again by themselves when stock covers what is owed.",
			};
		case "approval":
			return {
				tone: "warning",
				icon: AlertTriangleIcon,
				title: sayChanges({ ...NONE_DECIDED, kind: verdict.kind, waiting: verdict.products }),
				sentence: `They were changed in Shopify, and not by sales. Your channels go on with the former figures until somebody approves.${verdict.others > 0 ? ` ${plural(verdict.others, "more product")} ${verdict.others === 1 ? "waits" : "wait"} as well.` : ""}`,
			};
		case "attention":
			return {
				tone: "warning",
				icon: AlertTriangleIcon,
				title: `${number(verdict.count)}${verdict.more ? "+" : ""} ${verdict.count === 1 ? "failure needs" : "failures need"} your attention`,
				sentence: "They were tried several times and wait for you. Everything else is being kept in step.",
			};
		case "behind":
			return {
				tone: "warning",
				icon: ClockIcon,
				title: "Catching up",
				sentence:
					verdict.channels.length > 0
						? `${plural(verdict.count, "listing")} on ${listed(verdict.channels)} ${verdict.count === 1 ? "does" : "do"} not show the right stock yet${lateFor(verdict.since, now)}.`
						: `Orders are still being taken in${lateFor(verdict.since, now)}.`,
			};
		case "moving":
			return {
				tone: "success",
				icon: RefreshIcon,
				title: "In step, with updates on their way",
				sentence: `${plural(verdict.count, "listing")} ${verdict.count === 1 ? "is" : "are"} being updated after the latest sales.`,
			};
		case "watching":
			return {
				tone: "info",
				icon: ViewIcon,
				title: `Watching ${listed(verdict.channels)}`,
				sentence:
					verdict.wouldChange > 0
						? `Nothing is changed there. If you went live now, ${plural(verdict.wouldChange, "listing")} would get a new figure.`
						: "Nothing is changed there. If you went live now, no figure would change: all of them are right already.",
			};
		case "idle":
			return {
				tone: "subdued",
				icon: PauseCircleIcon,
				title: "No channel is live",
				sentence: `${listed(verdict.channels)} ${verdict.channels.length === 1 ? "is" : "are"} connected, and nothing is sent there.`,
			};
		case "in-step":
			return {
				tone: "success",
				icon: CheckCircleIcon,
				title: "Everything is in step",
				sentence: `${plural(verdict.listings, "listing")} on ${listed(verdict.channels)} ${verdict.listings === 1 ? "shows" : "show"} the right stock.`,
			};
	}
}

const andOthers = (count: number) => (count > 0 ? `, and ${plural(count, "more channel")}` : "");
const since = (at: string, now: string) => duration(Date.parse(now) - Date.parse(at));
const lateFor = (at: string | null, now: string) => (at === null ? "" : `, the oldest for ${since(at, now)}`);
