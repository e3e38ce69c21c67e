import { type ActionFunctionArgs, data, type HeadersFunction, type LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Badge, BlockStack, InlineGrid, InlineStack } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { changeLinks, type LinkChange } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { PARTS_MAX, UNITS_MAX } from "#app/pages/item/parts.ts";
import { readItem } from "#app/pages/item/read-item.ts";
import { saveParts } from "#app/pages/item/save-parts.ts";
import { pauseChosen, saveRules } from "#app/pages/stock/change-rules.ts";
import { policySchema } from "#domain";
import { AppPage } from "../../components/app-page.tsx";
import { PageError } from "../../components/route-error.tsx";
import { SaveBar } from "../../components/save-bar.tsx";
import { useFresh } from "../../components/use-fresh.ts";
import { useSaid } from "../../components/use-said.ts";
import { plural } from "../../components/words.ts";
import { areLinksChanged, type LinksDraft } from "./links-form.tsx";
import { draftOf, PartsCard } from "./parts-card.tsx";
import { isUnits, type PartDraft } from "./parts-form.tsx";
import { type Rules, RulesCard } from "./rules-card.tsx";
import { StockCard } from "./stock-card.tsx";
import { StoryCard } from "./story-card.tsx";

/** What is not this shop's product, or no number at all, is not there: the same answer for both. */
const idOf = (text: string | undefined): number => {
	const id = Number(text);
	if (!Number.isSafeInteger(id) || id <= 0) throw data(null, { status: 404 });
	return id;
};

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "look");
	const { searchParams } = new URL(request.url);
	const [before, at] = [searchParams.get("before"), searchParams.get("at")];
	const item = await readItem(database(), shopId, idOf(params.id), { reader: userId, before, at });
	if (!item) throw data(null, { status: 404 });
	return { item };
}

const LISTINGS_MAX = 200;
const made = z.array(z.object({ itemId: z.int().positive(), quantity: z.int().min(1).max(UNITS_MAX) })).max(PARTS_MAX);
const productOrNone = z.int().positive().nullable();
const asked = z.discriminatedUnion("intent", [
	z.object({
		intent: z.literal("save"),
		rules: z.array(z.object({ listingId: z.int().positive(), policy: policySchema.nullable() })).max(LISTINGS_MAX),
		made: z.object({ parts: made, was: made }).nullable(),
		links: z
			.array(z.object({ listingId: z.int().positive(), was: productOrNone, to: productOrNone }))
			.max(LISTINGS_MAX)
			.default([]),
	}),
	z.object({ intent: z.literal("pause"), listingIds: z.array(z.int().positive()).min(1).max(LISTINGS_MAX), paused: z.boolean() }),
]);

/** A rule that is in force already, a link and a pause that are there already, are no change: sent twice is sent once. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const read = asked.safeParse(await request.json().catch(() => null));
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const gone = { ok: false, message: "This listing is gone. Nothing was changed: open the page again." };
		if (read.data.intent === "save") {
			// The parts first: where they are refused, nothing of the rest is saved either.
			const refused = read.data.made && (await changeParts(shopId, { itemId: idOf(params.id), ...read.data.made, actor }));
			if (refused) return refused;
			const notLinked = await changeOwnLinks(shopId, idOf(params.id), { changes: read.data.links, actor });
			if (notLinked) return notLinked;
			if (read.data.rules.length === 0) return { ok: true, message: "Saved. What changes is on its way." };
			const saved = await saveRules(deps(), shopId, { rules: read.data.rules, actor });
			return saved.outcome === "unknown" ? gone : { ok: true, message: `${plural(saved.listings, "rule")} saved` };
		}
		const { listingIds, paused } = read.data;
		const done = await pauseChosen(deps(), shopId, { listingIds, paused, reason: "by hand", actor });
		if (done.found === 0) return gone;
		if (!paused && done.listings === 0)
			return { ok: false, message: "It is not paused by hand. A listing that is not live yet is chosen on its channel's page." };
		return {
			ok: true,
			message: paused ? "Paused. Nothing is sent to it until it is resumed." : "Resumed. It is brought to its figure now.",
		};
	});

/** The page of one product links to it and unlinks from it, and nothing else. */
async function changeOwnLinks(
	shopId: number,
	itemId: number,
	{ changes, actor }: { changes: readonly LinkChange[]; actor: string },
): Promise<Said | null> {
	if (changes.length === 0) return null;
	const foreign = changes.some(({ was, to }) => to !== itemId && (to !== null || was !== itemId));
	if (foreign) return { ok: false, message: "That could not be understood. No link was changed." };
	const saved = await changeLinks(deps(), shopId, { changes, actor });
	switch (saved.outcome) {
		case "saved":
		case "unchanged":
			return null;
		case "overtaken":
			return { ok: false, message: "Somebody linked it otherwise meanwhile. No link was changed: open the page again." };
		case "refused":
			return { ok: false, message: `${saved.reason} No link was changed.` };
		case "unknown":
			return { ok: false, message: "This listing is gone. No link was changed: open the page again." };
	}
}

type Parts = z.infer<typeof made>;

async function changeParts(shopId: number, change: { itemId: number; parts: Parts; was: Parts; actor: string }): Promise<Said | null> {
	const saved = await saveParts(deps(), shopId, change);
	switch (saved.outcome) {
		case "saved":
		case "unchanged":
			return null;
		case "overtaken":
			return { ok: false, message: "Somebody changed its parts meanwhile. Nothing was changed: open the page again." };
		case "refused":
			return { ok: false, message: `${saved.reason} Nothing was changed.` };
		case "unknown":
			return { ok: false, message: "This product is gone. Nothing was changed." };
	}
}

export default function ItemPage() {
	const { item } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	const [rules, setRules] = useState<Rules>({});
	const edited = Object.entries(rules).filter(([, rule]) => rule !== undefined);
	const [parts, setParts] = useState<readonly PartDraft[] | null>(null);
	// As the form found them: what is saved is refused if somebody else has changed them since.
	const [was, setWas] = useState<readonly PartDraft[]>([]);
	const isRemade = parts !== null && JSON.stringify(parts) !== JSON.stringify(was);
	const [links, setLinks] = useState<LinksDraft | null>(null);
	const discard = () => {
		setRules({});
		setParts(null);
		setLinks(null);
	};
	useSaid(fetcher, (said) => said.ok && discard());
	useFresh({ paused: edited.length > 0 || parts !== null || links !== null || fetcher.state !== "idle" });
	const send = (body: z.input<typeof asked>) => fetcher.submit(JSON.stringify(body), { method: "post", encType: "application/json" });
	const save = () =>
		send({
			intent: "save",
			rules: edited.map(([listingId, rule]) => ({ listingId: Number(listingId), policy: rule?.policy ?? null })),
			made: isRemade ? { parts: parts.map(toPart), was: was.map(toPart) } : null,
			links: areLinksChanged(links) ? changesOf(links, item.id) : [],
		});
	return (
		<AppPage
			title={item.title || item.sku || "Unnamed product"}
			back={{ content: "Stock", url: "/app/stock" }}
			subtitle={[item.sku || "No SKU", item.barcode].filter(Boolean).join(" · ")}
			badge={
				<InlineStack gap="100">
					{item.bundle && <Badge>Bundle</Badge>}
					{!item.tracked && <Badge>Not counted in Shopify</Badge>}
					{item.sellsWhenOut && <Badge>Sells when out of stock</Badge>}
				</InlineStack>
			}
		>
			<SaveBar
				id="edit-item"
				open={edited.length > 0 || isRemade || areLinksChanged(links)}
				saving={fetcher.state !== "idle"}
				disabled={edited.some(([, rule]) => rule?.wrong) || (parts ?? []).some(({ units }) => !isUnits(units))}
				onSave={save}
				onDiscard={discard}
			/>
			<InlineGrid columns={{ xs: 1, lg: ["twoThirds", "oneThird"] }} gap="400" alignItems="start">
				<div className="beside-main">
					<BlockStack gap="400">
						<StockCard item={item} />
						<PartsCard
							item={item}
							parts={parts}
							onParts={(next) => {
								if (parts === null) setWas(draftOf(item));
								setParts(next);
							}}
							locked={links !== null}
						/>
					</BlockStack>
				</div>
				<div className="main-column">
					<BlockStack gap="400">
						<RulesCard
							item={item}
							rules={rules}
							onRules={setRules}
							busy={fetcher.state !== "idle"}
							onPause={(listingId, paused) => send({ intent: "pause", listingIds: [listingId], paused })}
							links={links}
							onLinks={setLinks}
							linksLocked={parts !== null}
						/>
						<StoryCard item={item} />
					</BlockStack>
				</div>
			</InlineGrid>
		</AppPage>
	);
}

const changesOf = ({ link, unlink }: LinksDraft, itemId: number): LinkChange[] => [
	...link.map(({ listingId, linkedTo }) => ({ listingId, was: linkedTo?.itemId ?? null, to: itemId })),
	...unlink.map(({ id }) => ({ listingId: id, was: itemId, to: null })),
];

const toPart = ({ itemId, units }: PartDraft) => ({ itemId, quantity: Number(units) });

export const ErrorBoundary = () => <PageError title="Product" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
