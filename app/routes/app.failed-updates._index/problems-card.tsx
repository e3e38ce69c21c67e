import { Badge, BlockStack, Box, Button, ButtonGroup, Card, InlineStack, Text } from "@shopify/polaris";
import { useState } from "react";
import type { ProblemRow } from "#app/pages/failed/failed.ts";
import { failureWords } from "../../components/failure-words.ts";
import { sayProblem } from "../../components/problem-words.ts";
import { Ago } from "../../components/when.tsx";
import { plural } from "../../components/words.ts";

/** So many are read at a glance; the others are a press away. */
const SHOWN = 5;

type ProblemsCardProps = {
	problems: ProblemRow[];
	asOf: string;
	busy: boolean;
	mayOperate: boolean;
	onSay: (word: string, id: number) => void;
};

/** What is wrong, before which updates it concerns: failures of one kind are one line, with what a person has said of it. */
export function ProblemsCard({ problems, ...rest }: ProblemsCardProps) {
	const [showsAll, setShowsAll] = useState(false);
	if (problems.length === 0) return null;
	const standing = problems.filter(({ state }) => state !== "ignored");
	const shown = showsAll ? problems : standing.slice(0, SHOWN);
	const hidden = problems.length - shown.length;
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h2" variant="headingSm">
						Problems
					</Text>
					{standing.length > 0 && <Badge tone="warning">{String(standing.length)}</Badge>}
				</InlineStack>
			</Box>
			<ul className="rows" data-testid="problems">
				{shown.map((problem) => (
					<li key={problem.id} className="row row-problem">
						<Problem problem={problem} {...rest} />
					</li>
				))}
			</ul>
			{(hidden > 0 || showsAll) && (
				<Box padding="300">
					<Button variant="plain" onClick={() => setShowsAll(!showsAll)}>
						{showsAll
							? "Show fewer"
							: `Show ${plural(hidden, "other problem")}${problems.length > standing.length ? ", with those that are ignored" : ""}`}
					</Button>
				</Box>
			)}
		</Card>
	);
}

function Problem({ problem, asOf, busy, mayOperate, onSay }: Omit<ProblemsCardProps, "problems"> & { problem: ProblemRow }) {
	const { state, decided } = problem;
	const title = sayProblem(problem);
	const button = (word: string, label: string) => (
		<Button size="slim" disabled={busy} onClick={() => onSay(word, problem.id)} accessibilityLabel={`${label}: ${title}`}>
			{label}
		</Button>
	);
	return (
		<>
			<BlockStack gap="050">
				<InlineStack gap="200" blockAlign="center">
					<Text as="h3" fontWeight="medium" breakWord>
						{title}
					</Text>
					{state === "acknowledged" && <Badge tone="info">Being looked after</Badge>}
					{state === "ignored" && <Badge>Ignored</Badge>}
					{state === "open" && problem.isBack && <Badge tone="attention">It is back</Badge>}
				</InlineStack>
				{problem.error && (
					<Text as="p" breakWord>
						“{problem.error}”
					</Text>
				)}
				<Text as="p" variant="bodySm" tone="subdued">
					{failureWords(problem.errorClass).help}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued">
					Began <Ago at={problem.beganAt} now={asOf} />, last <Ago at={problem.lastAt} now={asOf} />
					{decided && (
						<>
							{" "}
							· {decided.who}, <Ago at={decided.at} now={asOf} />
						</>
					)}
				</Text>
			</BlockStack>
			<ButtonGroup>
				<Button size="slim" url={urlOf(problem)} accessibilityLabel={`Show them: ${title}`}>
					Show them
				</Button>
				{mayOperate && state === "open" && button("acknowledge", "I look after it")}
				{mayOperate && state !== "ignored" && button("ignore", "Ignore")}
				{mayOperate && state === "ignored" && button("reopen", "Do not ignore")}
			</ButtonGroup>
		</>
	);
}

/** The list below, of this problem alone. */
const urlOf = ({ side, channelId, errorClass, operation }: ProblemRow): string =>
	`/app/failed-updates?${new URLSearchParams({ side, channel: String(channelId), kind: errorClass, what: operation })}`;
