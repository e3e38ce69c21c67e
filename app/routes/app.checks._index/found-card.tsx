import { BlockStack, Box, Card, Text } from "@shopify/polaris";
import type { FoundOnDay } from "#reconcile";
import { DayUtc } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

/** Day by day: what channels had not reported by themselves, and the regular reading of their orders found. */
export function FoundCard({ found, names }: { found: readonly FoundOnDay[]; names: Readonly<Record<number, string>> }) {
	const days = [...new Set(found.map(({ day }) => day))];
	return (
		<Card padding="0">
			<Box padding="400" paddingBlockEnd="200">
				<BlockStack gap="050">
					<Text as="h2" variant="headingSm">
						Orders found by reading
					</Text>
					<Text as="p" tone="subdued">
						New orders and changes that a channel had not reported by itself, found when its orders were read. A few are normal; a rising
						number means that its reports do not arrive.
					</Text>
				</BlockStack>
			</Box>
			{days.length === 0 ? (
				<Box padding="400" paddingBlockStart="0">
					<Text as="p">None in the last two weeks: every order had been reported.</Text>
				</Box>
			) : (
				<dl className="facts" data-testid="found-by-poll">
					{days.map((day) => (
						<div className="fact" key={day}>
							<dt>
								<Text as="span" tone="subdued">
									<DayUtc at={`${day}T00:00:00Z`} />
								</Text>
							</dt>
							<dd>
								{found
									.filter((one) => one.day === day)
									.map(({ connectionId, found: states }) => `${names[connectionId] ?? "A former channel"}: ${number(states)}`)
									.join(" · ")}
							</dd>
						</div>
					))}
				</dl>
			)}
		</Card>
	);
}
