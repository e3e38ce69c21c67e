import { Banner, BlockStack, Button, ChoiceList, InlineStack } from "@shopify/polaris";
import { useState } from "react";
import type { Mirrored } from "#app/connections/guests/index.ts";

type QuestionProps = {
	name: string;
	answer: Mirrored | null;
	sending: boolean;
	send: (fields: Record<string, string>) => void;
	may: boolean;
};

/** Nobody but the merchant knows what another app does to the stock in Shopify. */
export function MirroredQuestion({ name, answer, sending, send, may }: QuestionProps) {
	const [chosen, setChosen] = useState<string[]>(answer ? [answer] : []);
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
			{(chosen[0] === "takes-stock" || chosen[0] === "leaves-stock") && (
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
					onClick={() => send({ intent: "mirrored", mirrored: chosen[0] ?? "" })}
				>
					Save answer
				</Button>
			</InlineStack>
		</BlockStack>
	);
}
