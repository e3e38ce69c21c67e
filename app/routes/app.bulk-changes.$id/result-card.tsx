import { BlockStack, Button, Card, InlineStack, Link, Text } from "@shopify/polaris";
import { useState } from "react";
import type { BulkPage } from "#app/pages/bulk/bulk.ts";
import { sayBulk } from "../../components/bulk-words.ts";
import { Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

type ResultCardProps = { set: BulkPage; mayOperate: boolean; busy: boolean; onRollBack: () => void };

/** What came of it, and the way back. */
export function ResultCard({ set, mayOperate, busy, onRollBack }: ResultCardProps) {
	const [sure, setSure] = useState(false);
	const left = set.total - set.done;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					{set.state === "cancelled" ? "Cancelled" : "Done"}
				</Text>
				<Text as="p">
					<span data-testid="bulk-result">{sayBulk(set)}.</span>
				</Text>
				{set.unitsMissing > 0 && (
					<Text as="p">
						{plural(set.unitsMissing, "unit")} {set.unitsMissing === 1 ? "was" : "were"} not there any more when it was done, because they
						were sold: what is available went to zero, and no order is owed because of it. Which products these are is in the file.
					</Text>
				)}
				<dl className="figure-list">
					{set.confirmedAt !== null && (
						<>
							<dt>Begun</dt>
							<dd>
								<Moment at={set.confirmedAt} />
							</dd>
						</>
					)}
					{set.doneAt !== null && (
						<>
							<dt>Over</dt>
							<dd>
								<Moment at={set.doneAt} />
							</dd>
						</>
					)}
					{set.state === "cancelled" && left > 0 && (
						<>
							<dt>Not done</dt>
							<dd>{number(left)}</dd>
						</>
					)}
				</dl>
				{set.undoes !== null && (
					<Text as="p">
						It took <Link url={`/app/bulk-changes/${set.undoes}`}>an earlier bulk change</Link> back.
					</Text>
				)}
				{set.undoneBy !== null && (
					<Text as="p">
						It {set.undoneAt === null ? "is being" : "was"} taken back by <Link url={`/app/bulk-changes/${set.undoneBy}`}>a later one</Link>
						.
					</Text>
				)}
				{mayOperate && set.canRollBack && !sure && (
					<InlineStack>
						<Button disabled={busy} onClick={() => setSure(true)}>
							Roll back
						</Button>
					</InlineStack>
				)}
				{mayOperate && set.canRollBack && sure && (
					<BlockStack gap="200">
						<Text as="p">
							Everything that it changed becomes as it was before, where nobody has changed it since. Units that it added are taken off and
							those it took off are added; what was sold in the meantime stays sold.
						</Text>
						<InlineStack gap="200">
							<Button variant="primary" tone="critical" loading={busy} onClick={onRollBack}>
								{`Yes, roll back ${plural(set.changed, "change")}`}
							</Button>
							<Button disabled={busy} onClick={() => setSure(false)}>
								Not now
							</Button>
						</InlineStack>
					</BlockStack>
				)}
			</BlockStack>
		</Card>
	);
}
