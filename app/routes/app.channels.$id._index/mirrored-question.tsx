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

/** Nobody but the merchant knows: Lockstep keeps of a Shopify order neither the app that made it nor its tags. */
export function MirroredQuestion({ name, answer, sending, send, may }: QuestionProps) {
	const [chosen, setChosen] = useState<string[]>(answer ? [answer] : []);
	return (
		<BlockStack gap="300">
			<ChoiceList
				title={`Do orders from ${name} also appear under Orders in Shopify?`}
				choices={[
					{ value: "no", label: "No", helpText: "They are only in the channel itself." },
					{ value: "yes", label: "Yes", helpText: "Another app, or somebody by hand, brings them into Shopify." },
					{ value: "unsure", label: "I am not sure", helpText: `Look in Shopify under Orders for one that was placed on ${name}.` },
				]}
				selected={chosen}
				onChange={setChosen}
				disabled={!may}
			/>
			{answer !== null && answer !== "no" && chosen[0] === answer && (
				<Banner tone="warning" title="Lockstep cannot go on like this">
					<p>
						It does not recognise orders that another app has copied into Shopify, and would count each of them twice. Switch that app off
						for {name}, then answer “No” here. Orders that were copied before are not counted again.
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
