import { BlockStack, Box, Button, InlineStack, Text, TextField } from "@shopify/polaris";
import { useState } from "react";
import type { ItemPage } from "#app/pages/item/item.ts";
import { PARTS_MAX, UNITS_MAX } from "#app/pages/item/parts.ts";
import { number } from "../../components/words.ts";
import type { PartsLook } from "../app.items.$id.parts.ts";
import { PartsPreviewList } from "./parts-preview.tsx";
import { useLook } from "./use-look.ts";

/** A part as it is being typed. */
export type PartDraft = { itemId: number; sku: string; title: string; units: string };

type PartsFormProps = { item: ItemPage; parts: readonly PartDraft[]; onParts: (parts: readonly PartDraft[] | null) => void };

/** Edits what the product is made of; what each channel would show is seen meanwhile, and nothing is changed until it is saved. */
export function PartsForm({ item, parts, onParts }: PartsFormProps) {
	const address = `/app/items/${item.id}/parts`;
	const made = madeOf(parts);
	const look = useLookAhead(made === null ? null : `${address}?made=${made}`);
	return (
		<BlockStack gap="0">
			<ul className="rows rows-topped" data-testid="parts">
				{parts.map((part) => (
					<li key={part.itemId} className="row row-sale">
						<BlockStack gap="100">
							<Text as="p">{part.title || part.sku}</Text>
							<Text as="p" variant="bodySm" tone="subdued">
								{part.sku}
							</Text>
							<Button
								variant="plain"
								textAlign="left"
								accessibilityLabel={`Remove ${part.sku || part.title}`}
								onClick={() => onParts(parts.filter(({ itemId }) => itemId !== part.itemId))}
							>
								Remove
							</Button>
						</BlockStack>
						<div className="units-field">
							<TextField
								label={`Units of ${part.sku || part.title} in one`}
								labelHidden
								autoComplete="off"
								inputMode="numeric"
								align="right"
								prefix="×"
								value={part.units}
								error={!isUnits(part.units) && `1 to ${UNITS_MAX}`}
								onChange={(units) => onParts(parts.map((one) => (one.itemId === part.itemId ? { ...one, units } : one)))}
							/>
						</div>
					</li>
				))}
			</ul>
			<Box padding="400" borderBlockStartWidth="025" borderColor="border-secondary">
				<BlockStack gap="400">
					{parts.length >= PARTS_MAX ? (
						<Text as="p" tone="subdued">
							A bundle has at most {PARTS_MAX} different parts, as in Shopify.
						</Text>
					) : (
						<AddPart address={address} parts={parts} onParts={onParts} />
					)}
					<div aria-live="polite" data-testid="parts-preview">
						<PartsPreviewList item={item} parts={parts} isWrong={made === null} preview={look} />
					</div>
					<Text as="p" variant="bodySm" tone="subdued">
						A sale in Shopify takes the parts as well: Lockstep lowers them there. If another app does that already, leave this to it.
						Shopify goes on selling this product by its own figure of it.
					</Text>
					<InlineStack>
						<Button onClick={() => onParts(null)}>Cancel</Button>
					</InlineStack>
				</BlockStack>
			</Box>
		</BlockStack>
	);
}

function AddPart({ address, parts, onParts }: Pick<PartsFormProps, "parts" | "onParts"> & { address: string }) {
	const [query, setQuery] = useState("");
	const asked = query.trim();
	const found = useLook<PartsLook>(asked === "" ? null : `${address}?q=${encodeURIComponent(asked)}`)?.found ?? [];
	const offered = asked === "" ? [] : found.filter(({ itemId }) => parts.every((part) => part.itemId !== itemId));
	return (
		<BlockStack gap="200">
			<TextField
				label="Add a part"
				placeholder="SKU, barcode or title"
				autoComplete="off"
				value={query}
				onChange={setQuery}
				clearButton
				onClearButtonClick={() => setQuery("")}
			/>
			<ul className="plain-list" data-testid="found-parts">
				{offered.map(({ itemId, sku, title, available, why }) => (
					<li key={itemId} className="row-sale-plain">
						<BlockStack gap="050">
							<Text as="p">{title || sku}</Text>
							<Text as="p" variant="bodySm" tone="subdued">
								{why ?? `${sku || "No SKU"} · ${number(available)} there`}
							</Text>
						</BlockStack>
						{why === null && (
							<Button
								size="slim"
								accessibilityLabel={`Add ${sku || title}`}
								onClick={() => {
									onParts([...parts, { itemId, sku, title, units: "1" }]);
									setQuery("");
								}}
							>
								Add
							</Button>
						)}
					</li>
				))}
			</ul>
		</BlockStack>
	);
}

const useLookAhead = (address: string | null) => useLook<PartsLook>(address)?.preview ?? null;

export const isUnits = (text: string): boolean => /^\d{1,3}$/.test(text) && Number(text) >= 1;

/** As the address of the look-ahead has it; null: a figure is none. */
const madeOf = (parts: readonly PartDraft[]): string | null =>
	parts.every(({ units }) => isUnits(units)) ? parts.map(({ itemId, units }) => `${itemId}:${Number(units)}`).join(",") : null;
