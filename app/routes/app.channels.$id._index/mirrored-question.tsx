import { Banner, BlockStack, Button, ChoiceList, InlineStack } from "@shopify/polaris";
import { useState } from "react";
import type { Mirrored, OrderSource } from "#app/connections/guests/index.ts";
import { sayMaker } from "./found-sources.tsx";

type QuestionProps = {
	name: string;
	answer: Mirrored | null;
	/** Who writes orders into Shopify. The merchant names the one that copies; nothing is taken for granted. */
	found: readonly OrderSource[];
	sending: boolean;
	send: (fields: Record<string, string>) => void;
	may: boolean;
};

/** Nobody but the merchant knows what another app does to the stock in Shopify. */
export function MirroredQuestion({ name, answer, found, sending, send, may }: QuestionProps) {
	const [chosen, setChosen] = useState<string[]>(answer ? [answer] : []);
	const [makers, setMakers] = useState<string[]>([]);
	const isCopied = chosen[0] === "takes-stock" || chosen[0] === "leaves-stock";
	const choices = found.flatMap((source) => (source.name === null ? [] : [{ value: source.name, label: sayMaker(source) }]));
	return (
		<BlockStack gap="300">
			<ChoiceList
				title={`Do orders from ${name} also appear under Orders in Shopify?`}
				choices={[
					{ value: "no", label: "No", helpText: "They are only in the channel itself." },
					{
						value: "takes-stock",
						label: "Yes, and each lowers the stock in Shopify",
						helpText: "Another app copies them, and the available stock falls by it. Lockstep counts such a sale once.",
					},
					{
						value: "leaves-stock",
						label: "Yes, but the stock in Shopify stays as it was",
						helpText: "They are copied for your records only. Lockstep takes the sale off your stock.",
					},
					{ value: "unsure", label: "I am not sure", helpText: `Look in Shopify under Orders for one that was placed on ${name}.` },
				]}
				selected={chosen}
				onChange={setChosen}
				disabled={!may}
			/>
			{answer === "unsure" && chosen[0] === answer && (
				<Banner tone="warning" title="Lockstep cannot go on like this">
					<p>
						Where another app copies orders of {name} into Shopify, each would be counted twice. Place an order there, see whether it
						appears in Shopify and whether the stock falls, then answer here.
					</p>
				</Banner>
			)}
			{isCopied && choices.length > 0 && (
				<ChoiceList
					allowMultiple
					title={`Which of them copies orders of ${name}?`}
					choices={choices}
					selected={makers}
					onChange={setMakers}
					disabled={!may}
				/>
			)}
			{isCopied && (
				<Banner tone="info">
					<p>
						A copy is recognised by the order number of {name} that the other app gives it. If it gives none, you are told which order it
						is. Nobody else should set stock figures on {name}: switch that off in the other app.
					</p>
				</Banner>
			)}
			<InlineStack>
				<Button
					variant="primary"
					disabled={!may || chosen.length === 0}
					loading={sending}
					onClick={() => send({ intent: "mirrored", mirrored: chosen[0] ?? "", sources: isCopied ? makers.join("\n") : "" })}
				>
					Save answer
				</Button>
			</InlineStack>
		</BlockStack>
	);
}
