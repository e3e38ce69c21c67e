import { BlockStack, Button, Card, InlineStack, Text, TextField } from "@shopify/polaris";
import { useEffect, useState } from "react";
import type { CheckedChannel } from "#app/pages/checks/checks.ts";

type ToleranceCardProps = { channels: CheckedChannel[]; busy: boolean; onSave: (channelId: number, units: string) => void };

/** Below which a difference is only counted. */
export function ToleranceCard({ channels, busy, onSave }: ToleranceCardProps) {
	return (
		<Card>
			<BlockStack gap="400">
				<BlockStack gap="100">
					<Text as="h2" variant="headingSm">
						Small differences
					</Text>
					<Text as="p" tone="subdued">
						A figure that is off by no more than this is counted and left alone. 0: everything is put right.
					</Text>
				</BlockStack>
				{channels.map((channel) => (
					<Tolerance key={channel.id} channel={channel} busy={busy} onSave={onSave} />
				))}
			</BlockStack>
		</Card>
	);
}

function Tolerance({ channel, busy, onSave }: { channel: CheckedChannel } & Omit<ToleranceCardProps, "channels">) {
	const saved = String(channel.tolerance);
	const [units, setUnits] = useState(saved);
	useEffect(() => setUnits(saved), [saved]);
	const isChanged = units !== saved && /^\d{1,4}$/.test(units);
	return (
		<InlineStack gap="200" blockAlign="end">
			<TextField
				label={channel.name}
				type="number"
				min={0}
				max={1000}
				value={units}
				onChange={setUnits}
				suffix="units"
				autoComplete="off"
			/>
			<Button disabled={busy || !isChanged} onClick={() => onSave(channel.id, units)} accessibilityLabel={`Save for ${channel.name}`}>
				Save
			</Button>
		</InlineStack>
	);
}
