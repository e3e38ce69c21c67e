import { BlockStack, Box, Button, Card, Checkbox, FormLayout, InlineStack, Select, Text, TextField } from "@shopify/polaris";
import { useState } from "react";
import type { AlertKind, MailRules } from "#alerts";
import type { SettingsPage } from "#app/pages/settings/read-settings.ts";
import { Ago } from "../../components/when.tsx";
import type { CardProps } from "./draft.ts";

/** What a merchant reads of each kind; a limit's words stand before and after its field. */
const KIND_WORDS: Readonly<Record<AlertKind, { label: string; help: string; limit?: { label: string; suffix: string } }>> = {
	oversell: { label: "A product is oversold", help: "As soon as units are owed to a buyer, and when stock covers them" },
	approval: { label: "A mass change waits for approval", help: "After half a minute, and when nothing of it waits any more" },
	failures: {
		label: "Many updates fail",
		help: "When more than so many updates and messages wait for you",
		limit: { label: "More than", suffix: "of them" },
	},
	lag: {
		label: "A channel is slow",
		help: "When one sale in a hundred takes longer, for five minutes. Channels that take their time are slow after ten minutes",
		limit: { label: "Slower than", suffix: "seconds" },
	},
	unreachable: { label: "A channel cannot be reached", help: "After two minutes, also when it refuses Lockstep's access" },
	writer: {
		label: "Something else changes stock",
		help: "When figures of a channel change that neither an order nor Lockstep changed, or stock in Shopify is set back to before a sale elsewhere",
		limit: { label: "More than", suffix: "times a day" },
	},
	totals: {
		label: "A week's totals differ",
		help: "Each night orders, units, sums and figures of seven days are compared between each channel and Lockstep",
		limit: { label: "By more than", suffix: "in a thousand" },
	},
	paused: { label: "Something with stock stays paused", help: "After a day: most often the pause was forgotten" },
};

const HOURS = Array.from({ length: 24 }, (_, hour) => ({ label: `${String(hour).padStart(2, "0")}:00`, value: String(hour) }));

type EmailsCardProps = CardProps & { onTest: (address: string) => void; testing: string | null };

/** Who is told of what without looking, and whether it arrives. */
export function EmailsCard({ settings, draft, onDraft, disabled, onTest, testing }: EmailsCardProps) {
	const mail = draft.mail ?? settings.mail.rules;
	// A new list of people is told in the mornings of the one who wrote it.
	const zone = () => (settings.mail.rules.recipients.length === 0 ? Intl.DateTimeFormat().resolvedOptions().timeZone : mail.timeZone);
	const change = (next: Partial<MailRules>) => onDraft({ mail: { ...mail, timeZone: zone(), ...next } });
	return (
		<Card padding="0">
			<Box padding="400">
				<BlockStack gap="200">
					<Text as="h3" variant="headingSm">
						Who is told
					</Text>
					<Text as="p" tone="subdued">
						{settings.mail.available
							? mail.recipients.length === 0
								? "Nobody yet. Alerts still stand under “Needs you” on the overview."
								: "They need no Shopify login. E-mails name products and figures, never your customers."
							: "This server sends no e-mails. Whoever runs it can set that up; what you choose here then counts."}
					</Text>
				</BlockStack>
			</Box>
			{mail.recipients.length > 0 && (
				<ul className="rows rows-topped" data-testid="recipients">
					{mail.recipients.map((one) => (
						<li key={one.address} className="row">
							<BlockStack gap="200">
								<InlineStack align="space-between" blockAlign="center" gap="200">
									<Text as="span" fontWeight="medium" breakWord>
										{one.address}
									</Text>
									<InlineStack gap="300">
										<Button
											variant="plain"
											disabled={disabled || !settings.mail.available || testing !== null}
											loading={testing === one.address}
											accessibilityLabel={`Send a test e-mail to ${one.address}`}
											onClick={() => onTest(one.address)}
										>
											Send a test
										</Button>
										<Button
											variant="plain"
											tone="critical"
											disabled={disabled}
											accessibilityLabel={`Remove ${one.address}`}
											onClick={() => change({ recipients: mail.recipients.filter(({ address }) => address !== one.address) })}
										>
											Remove
										</Button>
									</InlineStack>
								</InlineStack>
								<InlineStack gap="400">
									{(["alerts", "digest"] as const).map((kind) => (
										<Checkbox
											key={kind}
											label={kind === "alerts" ? "Alerts" : "Daily summary"}
											disabled={disabled}
											checked={one[kind]}
											onChange={(on) =>
												change({ recipients: mail.recipients.map((each) => (each === one ? { ...each, [kind]: on } : each)) })
											}
										/>
									))}
								</InlineStack>
							</BlockStack>
						</li>
					))}
				</ul>
			)}
			<Box padding="400" borderBlockStartWidth="025" borderColor="border-secondary">
				<BlockStack gap="400">
					<AddAddress
						disabled={disabled}
						onAdd={(address) => change({ recipients: [...mail.recipients, { address, alerts: true, digest: true }] })}
						taken={mail.recipients.map(({ address }) => address)}
					/>
					<LastMail last={settings.mail.last} asOf={settings.asOf} />
				</BlockStack>
			</Box>
			<Box padding="400" borderBlockStartWidth="025" borderColor="border-secondary">
				<BlockStack gap="400">
					<Text as="h3" variant="headingSm">
						Of what
					</Text>
					{mail.rules.map((rule) => {
						const words = KIND_WORDS[rule.kind];
						const set = (next: Partial<typeof rule>) =>
							change({ rules: mail.rules.map((each) => (each.kind === rule.kind ? { ...each, ...next } : each)) });
						return (
							<BlockStack gap="200" key={rule.kind}>
								<Checkbox
									label={words.label}
									// Polaris greys a disabled choice's help below what can be read.
									{...(disabled ? {} : { helpText: words.help })}
									disabled={disabled}
									checked={rule.enabled}
									onChange={(enabled) => set({ enabled })}
								/>
								{words.limit && rule.enabled && (
									<Box paddingInlineStart="600" maxWidth="360px">
										<TextField
											label={`${words.label}: ${words.limit.label.toLowerCase()}`}
											labelHidden
											type="number"
											min={0}
											autoComplete="off"
											prefix={words.limit.label}
											suffix={words.limit.suffix}
											disabled={disabled}
											value={rule.threshold === null ? "" : String(rule.threshold)}
											onChange={(text) => set({ threshold: text.trim() === "" ? null : Number(text) })}
										/>
									</Box>
								)}
							</BlockStack>
						);
					})}
				</BlockStack>
			</Box>
			<Box padding="400" borderBlockStartWidth="025" borderColor="border-secondary">
				<FormLayout>
					<Select
						label="Daily summary at"
						helpText={`In the time of ${mail.timeZone.replaceAll("_", " ")}`}
						options={HOURS}
						disabled={disabled}
						value={String(mail.digestHour)}
						onChange={(hour) => change({ digestHour: Number(hour) })}
					/>
				</FormLayout>
			</Box>
		</Card>
	);
}

function AddAddress({ disabled, onAdd, taken }: { disabled: boolean; onAdd: (address: string) => void; taken: readonly string[] }) {
	const [typed, setTyped] = useState("");
	const address = typed.trim().toLowerCase();
	const isTaken = taken.includes(address);
	const add = () => {
		onAdd(address);
		setTyped("");
	};
	return (
		<TextField
			label="Add an address"
			type="email"
			autoComplete="email"
			disabled={disabled}
			value={typed}
			error={isTaken && "This address is on the list already"}
			onChange={setTyped}
			connectedRight={
				<Button disabled={disabled || !/^\S+@\S+\.\S+$/.test(address) || isTaken} onClick={add}>
					Add
				</Button>
			}
		/>
	);
}

/** Whether they arrive, where they are set. */
function LastMail({ last, asOf }: { last: SettingsPage["mail"]["last"]; asOf: string }) {
	if (!last) return null;
	if (last.state === "sent") {
		return (
			<Text as="p" variant="bodySm" tone="subdued">
				The last e-mail went to {last.address} <Ago at={last.at} now={asOf} />.
			</Text>
		);
	}
	return (
		<Text as="p" variant="bodySm" tone="critical">
			The last e-mail to {last.address} {last.state === "dropped" ? "could not be sent" : "has not gone out yet and is tried again"}:{" "}
			{last.error}
		</Text>
	);
}
