import { BlockStack, Box, Button, Card, Checkbox, InlineStack, Text, TextField } from "@shopify/polaris";
import { useState } from "react";
import type { EditedListing } from "#app/pages/stock/read-editing.ts";
import { sayRule } from "../../components/rule-words.ts";
import { number } from "../../components/words.ts";
import { type Edit, type Edits, FIELDS, type Field, ruleOf, shownAfter, textOf } from "./edits.ts";

const FIELD_WORDS: Readonly<Record<Field, { label: string; help: string }>> = {
	buffer: { label: "Buffer", help: "Units held back" },
	minimum: { label: "Minimum", help: "Below it, 0 is shown" },
	maximum: { label: "Maximum", help: "Never more than this" },
};

type EditTableProps = { listings: readonly EditedListing[]; edits: Edits; onEdit: (edits: Edits) => void };

/** One line per listing, like the admin's own editor of many products: figures are typed, what follows is shown beside them. */
export function EditTable({ listings, edits, onEdit }: EditTableProps) {
	const change = (ids: readonly number[], edit: Partial<Edit>) => {
		const next: Record<number, Edit | undefined> = { ...edits };
		for (const id of ids) next[id] = { touchesRule: false, ...next[id], ...edit };
		onEdit(next);
	};
	return (
		<BlockStack gap="400">
			<ForAll
				onApply={(field, text) =>
					change(
						listings.filter((one) => mayHave(one, field)).map(({ id }) => id),
						{ [field]: text, touchesRule: true },
					)
				}
			/>
			<Card padding="0">
				<section className="edit-scroll" aria-label="Rules of the chosen listings">
					<table className="edit-table">
						<thead>
							<tr>
								<th scope="col">Listing</th>
								{FIELDS.map((field) => (
									<th key={field} scope="col">
										{FIELD_WORDS[field].label}
									</th>
								))}
								<th scope="col">Paused</th>
								<th scope="col">Would show</th>
							</tr>
						</thead>
						<tbody>
							{listings.map((listing) => (
								<Line key={listing.id} listing={listing} edit={edits[listing.id]} onEdit={(edit) => change([listing.id], edit)} />
							))}
						</tbody>
					</table>
				</section>
			</Card>
		</BlockStack>
	);
}

const mayHave = (listing: EditedListing, field: Field) => field !== "buffer" || !["percentage", "fixed"].includes(ruleOf(listing).kind);

function Line({ listing, edit, onEdit }: { listing: EditedListing; edit: Edit | undefined; onEdit: (edit: Partial<Edit>) => void }) {
	const name = `${listing.sku || listing.title} on ${listing.channel}`;
	const before = shownAfter(listing, undefined);
	const after = shownAfter(listing, edit);
	return (
		<tr data-edited={edit !== undefined}>
			<th scope="row">
				<Text as="p" fontWeight="medium">
					{listing.title || listing.sku}
				</Text>
				<Text as="p" variant="bodySm" tone="subdued">
					{[listing.sku, listing.channel].filter(Boolean).join(" · ")}
					{listing.policy === null && ", channel's rule"}
				</Text>
			</th>
			{FIELDS.map((field) => (
				<td key={field} data-label={FIELD_WORDS[field].label}>
					{mayHave(listing, field) ? (
						<TextField
							label={`${FIELD_WORDS[field].label} of ${name}`}
							labelHidden
							inputMode="numeric"
							autoComplete="off"
							value={textOf(listing, edit, field)}
							onChange={(text) => onEdit({ [field]: text, touchesRule: true })}
						/>
					) : (
						<Text as="span" variant="bodySm" tone="subdued">
							{sayRule({ kind: ruleOf(listing).kind, percentage: ruleOf(listing).percentage, fixed: ruleOf(listing).fixed })}
						</Text>
					)}
				</td>
			))}
			<td data-label="Paused">
				<Checkbox
					label={`Pause ${name}`}
					labelHidden
					checked={edit?.paused ?? listing.paused}
					disabled={listing.notLive}
					onChange={(paused) => onEdit({ paused })}
				/>
			</td>
			<td data-label="Would show">
				<span className="figures" data-testid={`after-${listing.id}`}>
					{after === null ? "Not counted" : before === after ? number(after) : `${number(before ?? 0)} → ${number(after)}`}
				</span>
			</td>
		</tr>
	);
}

function ForAll({ onApply }: { onApply: (field: Field, text: string) => void }) {
	const [texts, setTexts] = useState<Record<Field, string>>({ buffer: "", minimum: "", maximum: "" });
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					The same for all lines below
				</Text>
				<InlineStack gap="300" blockAlign="end">
					{FIELDS.map((field) => (
						<Box key={field} width="180px">
							<TextField
								label={FIELD_WORDS[field].label}
								helpText={FIELD_WORDS[field].help}
								inputMode="numeric"
								autoComplete="off"
								value={texts[field]}
								onChange={(text) => setTexts({ ...texts, [field]: text })}
								connectedRight={
									<Button
										onClick={() => onApply(field, texts[field])}
										accessibilityLabel={`Fill in ${FIELD_WORDS[field].label} everywhere`}
									>
										Fill in
									</Button>
								}
							/>
						</Box>
					))}
				</InlineStack>
			</BlockStack>
		</Card>
	);
}
