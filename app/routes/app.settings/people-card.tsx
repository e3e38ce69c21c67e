import { BlockStack, Box, Card, FormLayout, Select, Text, TextField } from "@shopify/polaris";
import type { SettingsPage } from "#app/pages/settings/read-settings.ts";
import { isRight, RIGHT_WORDS, RIGHTS, type Right } from "#app/rights/right.ts";
import { Ago } from "../../components/when.tsx";
import type { CardProps } from "./draft.ts";

const options = RIGHTS.map((right) => ({ label: RIGHT_WORDS[right].name, value: right }));

export function PeopleCard({ settings, draft, onDraft, disabled }: CardProps) {
	const change = (userId: string, next: { right?: Right; name?: string }) =>
		onDraft({ people: { ...draft.people, [userId]: { ...draft.people?.[userId], ...next } } });
	return (
		<Card padding="0">
			<Box padding="400">
				<BlockStack gap="100">
					{RIGHTS.map((right) => (
						<Text as="p" key={right} tone="subdued">
							<b>{RIGHT_WORDS[right].name}</b>: {RIGHT_WORDS[right].may}.
						</Text>
					))}
				</BlockStack>
			</Box>
			<ul className="rows rows-topped" data-testid="people">
				{settings.members.map((member) => (
					<li key={member.userId} className="row">
						<Person
							member={member}
							asOf={settings.asOf}
							edit={draft.people?.[member.userId] ?? {}}
							disabled={disabled}
							onEdit={(next) => change(member.userId, next)}
						/>
					</li>
				))}
			</ul>
			<Box padding="400" borderBlockStartWidth="025" borderColor="border-secondary">
				<Select
					label="People who open Lockstep for the first time may"
					options={options}
					disabled={disabled}
					value={draft.newcomers ?? settings.newcomers}
					onChange={(right) => isRight(right) && onDraft({ newcomers: right })}
				/>
			</Box>
		</Card>
	);
}

type PersonProps = {
	member: SettingsPage["members"][number];
	asOf: string;
	edit: { right?: Right; name?: string };
	disabled: boolean;
	onEdit: (next: { right?: Right; name?: string }) => void;
};

function Person({ member, asOf, edit, disabled, onEdit }: PersonProps) {
	const called = member.name ?? `Shopify user ${member.userId}`;
	return (
		<BlockStack gap="200">
			<Text as="p" variant="bodySm" tone="subdued">
				{member.isReader && "You · "}Shopify user {member.userId} · last here <Ago at={member.lastSeenAt} now={asOf} />
			</Text>
			<FormLayout>
				<FormLayout.Group condensed>
					<TextField
						label={`Name of ${called}`}
						labelHidden
						placeholder="Name, for the list of who did what"
						autoComplete="off"
						maxLength={80}
						disabled={disabled}
						value={edit.name ?? member.name ?? ""}
						onChange={(name) => onEdit({ name })}
					/>
					<Select
						label={`Right of ${called}`}
						labelHidden
						options={options}
						disabled={disabled}
						value={edit.right ?? member.right}
						onChange={(right) => isRight(right) && onEdit({ right })}
					/>
				</FormLayout.Group>
			</FormLayout>
		</BlockStack>
	);
}
