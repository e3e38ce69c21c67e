import { Badge, BlockStack, Box, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import { ImportIcon, InventoryIcon } from "@shopify/polaris-icons";
import { memo } from "react";
import type { StockListing, StockPage, StockRow } from "#app/pages/stock/stock.ts";
import { Empty } from "../../components/empty.tsx";
import { type Headings, rowKey } from "../../components/index-list.tsx";
import { MarkBadge } from "../../components/mark-badge.tsx";
import { usePhone } from "../../components/use-phone.ts";
import { Ago } from "../../components/when.tsx";
import { number } from "../../components/words.ts";

type Chosen = Pick<StockPage, "channels" | "asOf">;

export const headingsOf = ({ channels }: Chosen): Headings => [
	{ title: "Product" },
	{ title: "In Shopify", alignment: "end" },
	{ title: "Owed", alignment: "end" },
	...channels.map(({ id, name }) => ({ title: name, id: `channel-${id}` })),
];

export function StockRows({ stock, selected }: { stock: StockPage; selected: readonly string[] }) {
	const isPhone = usePhone();
	const { channels, asOf } = stock;
	return stock.rows.map((row, index) => (
		<OneRow
			key={rowKey(row.itemId, isPhone)}
			row={row}
			position={index}
			selected={selected.includes(String(row.itemId))}
			isPhone={isPhone}
			channels={channels}
			asOf={asOf}
		/>
	));
}

type OneRowProps = { row: StockRow; position: number; selected: boolean; isPhone: boolean } & Chosen;

/** Choosing a product draws that row, not the other 49 with their figures. */
const OneRow = memo(function OneRow({ row, position, selected, isPhone, channels, asOf }: OneRowProps) {
	return (
		<IndexTable.Row id={String(row.itemId)} position={position} selected={selected}>
			{isPhone ? <PhoneRow row={row} channels={channels} asOf={asOf} /> : <Cells row={row} channels={channels} asOf={asOf} />}
		</IndexTable.Row>
	);
});

function Cells({ row, channels, asOf }: { row: StockRow } & Chosen) {
	return (
		<>
			<IndexTable.Cell className="cell-product">
				<Product row={row} />
			</IndexTable.Cell>
			<IndexTable.Cell>
				<div className="cell-number">{row.counted ? number(row.available) : "Not counted"}</div>
			</IndexTable.Cell>
			<IndexTable.Cell>
				<div className="cell-number" data-tone={row.owed > 0 ? "critical" : "subdued"}>
					{row.owed > 0 ? (
						<Link
							monochrome
							url={`/app/oversells?item=${row.itemId}`}
							accessibilityLabel={`Held at zero: ${number(row.owed)} owed to orders. See which`}
						>
							{number(row.owed)}
						</Link>
					) : (
						number(row.owed)
					)}
				</div>
			</IndexTable.Cell>
			{channels.map(({ id }) => (
				<IndexTable.Cell key={id}>
					<OnChannel listings={row.listings.filter((listing) => listing.channelId === id)} asOf={asOf} />
				</IndexTable.Cell>
			))}
		</>
	);
}

function Product({ row }: { row: StockRow }) {
	return (
		<BlockStack gap="050">
			<InlineStack gap="200" wrap={false} blockAlign="center">
				<Link dataPrimaryLink monochrome removeUnderline url={`/app/items/${row.itemId}`}>
					<Text as="span" fontWeight="semibold">
						{row.title || row.sku || "Unnamed product"}
					</Text>
				</Link>
				{row.bundle && <Badge>Bundle</Badge>}
			</InlineStack>
			<Text as="span" variant="bodySm" tone="subdued">
				{row.sku || "No SKU"}
			</Text>
			{row.waitsIn !== null && <Link url={`/app/approvals/${row.waitsIn}`}>Held: waiting for approval</Link>}
		</BlockStack>
	);
}

/** What a product shows on one channel; most often that is one listing. */
function OnChannel({ listings, asOf, wrap = false }: { listings: readonly StockListing[]; asOf: string; wrap?: boolean }) {
	if (listings.length === 0) {
		return (
			<Text as="span" tone="subdued">
				Not listed
			</Text>
		);
	}
	return listings.map((listing) => <Shows key={listing.id} listing={listing} asOf={asOf} wrap={wrap} />);
}

/**
 * Hundreds of these stand on a page, and each element more is a moment more between a press and its answer: plain elements, dressed
 * by styles.css with Polaris' own tokens.
 */
function Shows({ listing, asOf, wrap }: { listing: StockListing; asOf: string; wrap: boolean }) {
	const { mark, shows, should, heldBack, confirmedAt } = listing;
	const figure = shows === null ? "–" : number(Math.max(0, shows));
	return (
		<div className="shown">
			{mark === "right" ? (
				<b>{figure}</b>
			) : (
				<InlineStack gap="150" blockAlign="center" wrap={wrap}>
					<b>{figure}</b>
					{should !== null && should !== shows && (
						<Text as="span" variant="bodySm" numeric>
							→ {number(should)}
						</Text>
					)}
					<MarkBadge mark={mark} />
				</InlineStack>
			)}
			<small>
				{heldBack > 0 && `${number(heldBack)} held back · `}
				{confirmedAt ? <Ago at={confirmedAt} now={asOf} /> : "not confirmed yet"}
			</small>
		</div>
	);
}

function PhoneRow({ row, channels, asOf }: { row: StockRow } & Chosen) {
	return (
		<Box paddingBlock="300" paddingInline="300" width="100%">
			<BlockStack gap="200">
				<Product row={row} />
				<dl className="figure-list">
					<dt>In Shopify</dt>
					<dd>
						{row.counted ? number(row.available) : "Not counted"}
						{row.owed > 0 && <Badge tone="critical">{`Held at zero: ${number(row.owed)} owed`}</Badge>}
					</dd>
					{channels.map(({ id, name }) => (
						<PhoneChannel key={id} name={name} listings={row.listings.filter((listing) => listing.channelId === id)} asOf={asOf} />
					))}
				</dl>
			</BlockStack>
		</Box>
	);
}

function PhoneChannel({ name, listings, asOf }: { name: string; listings: readonly StockListing[]; asOf: string }) {
	return (
		<>
			<dt>{name}</dt>
			<dd>
				<OnChannel listings={listings} asOf={asOf} wrap />
			</dd>
		</>
	);
}

export function NothingYet({ importing }: { importing: boolean }) {
	return (
		<Empty
			icon={importing ? ImportIcon : InventoryIcon}
			heading={importing ? "Your products are being read" : "No products yet"}
			action={{ content: "Go to the overview", url: "/app" }}
		>
			{importing
				? "They appear here as they come in. You can close this page in the meantime."
				: "Add a product in Shopify: it appears here within seconds, with its stock on every channel."}
		</Empty>
	);
}
