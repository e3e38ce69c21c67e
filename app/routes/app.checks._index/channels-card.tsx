import { BlockStack, Box, Button, Card, InlineStack, Link, ProgressBar, Text } from "@shopify/polaris";
import type { CheckedChannel } from "#app/pages/checks/checks.ts";
import { progressOf, RunBadge, sayRun } from "../../components/check-words.tsx";
import { Ago } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

type ChannelsCardProps = {
	channels: CheckedChannel[];
	asOf: string;
	busy: boolean;
	mayOperate: boolean;
	onCheck: (channelId: number) => void;
};

/** Each channel with what its newest check says, or how far it is. */
export function ChannelsCard({ channels, asOf, busy, mayOperate, onCheck }: ChannelsCardProps) {
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<Text as="h2" variant="headingSm">
					Sales channels
				</Text>
			</Box>
			<ul className="rows" data-testid="checked-channels">
				{channels.map((channel) => (
					<li key={channel.id} className="row row-sale">
						<Standing channel={channel} asOf={asOf} />
						{mayOperate && (
							<Button
								disabled={busy || !channel.canCheck || isUnderWay(channel)}
								onClick={() => onCheck(channel.id)}
								accessibilityLabel={`Check now: ${channel.name}`}
							>
								Check now
							</Button>
						)}
					</li>
				))}
			</ul>
		</Card>
	);
}

const isUnderWay = ({ run }: CheckedChannel) => run?.state === "running" || run?.state === "waits";

function Standing({ channel, asOf }: { channel: CheckedChannel; asOf: string }) {
	const { run, name, open, waiting } = channel;
	const label = `check-${channel.id}`;
	return (
		<Box width="100%">
			<BlockStack gap="100">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h3" fontWeight="medium">
						{name}
					</Text>
					{run && <RunBadge run={run} />}
				</InlineStack>
				<Text as="p" id={label} variant="bodySm" tone="subdued" breakWord>
					{run ? (
						<>
							<span data-testid={`standing-${channel.id}`}>{sayRun(run)}</span>
							{run.endedAt && (
								<>
									{" · "}
									<Link url={`/app/checks/${run.id}`} monochrome>
										<Ago at={run.endedAt} now={asOf} />
									</Link>
								</>
							)}
						</>
					) : channel.canCheck ? (
						"Not checked yet"
					) : (
						"Paused, or not set up yet: it is checked once its orders count"
					)}
				</Text>
				{run?.state === "running" && run.beganAt !== null && (
					<ProgressBar progress={progressOf(run)} size="small" animated={false} ariaLabelledBy={label} />
				)}
				{(open > 0 || waiting > 0) && (
					<Text as="p" variant="bodySm">
						{[
							...(open > 0 ? [`${number(open)} ${open === 1 ? "needs" : "need"} you`] : []),
							...(waiting > 0 ? [`${number(waiting)} being looked into`] : []),
						].join(", ")}
						.{" "}
						<Link url={`/app/checks?channel=${channel.id}&state=${open > 0 ? "open" : "waiting"}`}>See {open > 0 ? "what" : "which"}</Link>
					</Text>
				)}
			</BlockStack>
		</Box>
	);
}
