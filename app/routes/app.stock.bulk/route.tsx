import { randomUUID } from "node:crypto";
import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useSearchParams } from "@remix-run/react";
import { BlockStack, Button, Card, InlineStack, Text } from "@shopify/polaris";
import { InventoryIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import {
	type Asked,
	askForBulkPause,
	askForBulkRules,
	type BulkPreview,
	previewBulkPause,
	previewBulkRules,
	readNewestBulk,
} from "#app/backfill/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { refuseRules } from "#app/guards/index.ts";
import { readStockRequest } from "#app/pages/stock/read-stock.ts";
import { countItems, findAllItemIds } from "#app/pages/stock/sql/find-items.ts";
import { policySchema } from "#domain";
import { AppPage } from "../../components/app-page.tsx";
import { Empty } from "../../components/empty.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useSaid } from "../../components/use-said.ts";
import { useWorking } from "../../components/use-working.ts";
import { number, plural } from "../../components/words.ts";
import { isWrong, policyOf, type TypedRule, typedOf } from "../app.channels.$id.rules/typed-rule.ts";
import { PauseCard } from "./pause-card.tsx";
import { ProgressCard } from "./progress-card.tsx";
import { RuleCard } from "./rule-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "operate");
	const params = new URL(request.url).searchParams;
	const filter = readStockRequest(params);
	const act = ACTS.find((one) => one === params.get("act")) ?? "rule";
	const newest = await readNewestBulk(database(), shopId);
	if (act === "rule") return { act, products: await countItems(database(), shopId, filter), newest, pausing: null, press: randomUUID() };
	const itemIds = await findAllItemIds(database(), shopId, filter);
	const pausing = await previewBulkPause(database(), shopId, { itemIds, channelId: filter.channelId, paused: act === "pause" });
	return { act, products: itemIds.length, newest, pausing, press: randomUUID() };
}

/** What the page does to all that the filter matches. */
const ACTS = ["rule", "pause", "resume"] as const;

const asked = z.object({
	intent: z.enum(["preview", "apply"]),
	change: z.union([z.object({ policy: policySchema.nullable() }), z.object({ paused: z.boolean() })]),
	press: z.string().min(1).max(60),
	/** How many products the person saw: more or fewer now, and it is asked again. */
	products: z.int().min(0),
});
/** `refused`: why this person cannot save it. */
type Answer = Said & { preview?: BulkPreview; refused?: string | null };

/** Looking ahead changes nothing; pressed twice, it is one change. What the filter matches is settled here, at this moment. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer> => {
		const { shopId, userId: actor, right } = await requireRight(request, "operate");
		const read = asked.safeParse(await request.json().catch(() => null));
		if (!read.success) return { ok: false, message: "Some figures could not be understood. Nothing was changed." };
		const { intent, change, products } = read.data;
		const filter = readStockRequest(new URL(request.url).searchParams);
		const chosen = { itemIds: await findAllItemIds(database(), shopId, filter), channelId: filter.channelId };
		if (intent === "preview") {
			if (!("policy" in change)) return { ok: true, message: "" };
			const preview = await previewBulkRules(database(), shopId, { ...chosen, policy: change.policy });
			return { ok: true, message: "", preview, refused: await refuseRules(database(), shopId, { right, toZero: preview.toZeroSold }) };
		}
		if (chosen.itemIds.length !== products) {
			const now = plural(chosen.itemIds.length, "product");
			return { ok: false, message: `The filter matches ${now} by now. Nothing was changed: look again, please.` };
		}
		const wish = { ...chosen, actor, press: `page-${read.data.press}` };
		if ("policy" in change) {
			const { toZeroSold: toZero } = await previewBulkRules(database(), shopId, { ...chosen, policy: change.policy });
			const refused = await refuseRules(database(), shopId, { right, toZero });
			if (refused) return { ok: false, message: refused };
			const outcome = await askForBulkRules(deps(), shopId, { ...wish, policy: change.policy });
			return sayAsked(outcome, "None of these products is for sale on a channel. Nothing was changed.");
		}
		const outcome = await askForBulkPause(deps(), shopId, { ...wish, paused: change.paused });
		return sayAsked(outcome, `None of these is ${change.paused ? "still to be paused" : "paused by hand"}. Nothing was changed.`);
	});

function sayAsked({ outcome }: Asked, nothing: string): Said {
	switch (outcome) {
		case "asked":
			return { ok: true, message: "" };
		case "busy":
			return { ok: false, message: "Another bulk change is under way. Please wait until it is done." };
		case "nothing":
			return { ok: false, message: nothing };
	}
}

const TITLES = { rule: "One rule for all", pause: "Pause all", resume: "Resume all" } as const;

export default function BulkPage() {
	const { act, products, newest, pausing, press: fresh } = useLoaderData<typeof loader>();
	const [search] = useSearchParams();
	const applying = useFetcher<Answer>();
	// The page's data is read again while a worker is at it; the press stays the one that this page was opened with.
	const [press] = useState(fresh);
	useSaid(applying);
	const running = newest !== null && !newest.isOver;
	useWorking(running);
	const own = newest?.press === `page-${press}` ? newest : null;
	const apply = (change: Change) =>
		applying.submit(JSON.stringify({ intent: "apply", change, press, products }), {
			method: "post",
			encType: "application/json",
			action: `/app/stock/bulk?${search}`,
		});
	const shared = { running, busy: applying.state !== "idle", onApply: apply };
	const back = new URLSearchParams([...search].filter(([name]) => name !== "act"));
	return (
		<AppPage
			title={TITLES[act]}
			back={{ content: "Stock", url: `/app/stock?${back}` }}
			subtitle={products === 1 ? "The 1 product that matches the filter" : `All ${plural(products, "product")} that match the filter`}
		>
			<BlockStack gap="400">
				{newest && (running || own) && <ProgressCard newest={newest} />}
				{!own && products === 0 && !running && <NothingMatches />}
				{!own &&
					(products > 0 || running) &&
					(pausing ? <PauseCard paused={act === "pause"} preview={pausing} {...shared} /> : <RuleCards {...shared} />)}
			</BlockStack>
		</AppPage>
	);
}

/** The address is an old one, or the products are gone meanwhile. */
const NothingMatches = () => (
	<Card>
		<Empty icon={InventoryIcon} heading="No product matches the filter" action={{ content: "Back to stock", url: "/app/stock" }}>
			Choose products in the list of stock, and change them all at once.
		</Empty>
	</Card>
);

type Change = z.infer<typeof asked>["change"];
type Applying = { running: boolean; busy: boolean; onApply: (change: Change) => void };

function RuleCards({ running, busy, onApply }: Applying) {
	const [search] = useSearchParams();
	const looking = useFetcher<Answer>();
	const [rule, setRule] = useState<TypedRule>(typedOf({ kind: "exact" }));
	const [ofChannel, setOfChannel] = useState(false);
	const wrong = ofChannel ? null : isWrong(rule);
	const policy = ofChannel ? null : policyOf(rule);
	// Of another rule than this one nothing was seen yet.
	const [lookedAt, setLookedAt] = useState("");
	const look = () => {
		setLookedAt(JSON.stringify(policy));
		looking.submit(JSON.stringify({ intent: "preview", change: { policy }, press: "looking", products: 0 }), {
			method: "post",
			encType: "application/json",
			action: `/app/stock/bulk?${search}`,
		});
	};
	const seen = lookedAt === JSON.stringify(policy) ? looking.data : undefined;
	const preview = seen?.preview ?? null;
	const refused = seen?.refused ?? null;
	return (
		<>
			<RuleCard rule={rule} ofChannel={ofChannel} wrong={wrong} onRule={setRule} onOfChannel={setOfChannel} />
			<Card>
				<BlockStack gap="300">
					<Text as="h2" variant="headingSm">
						What changes
					</Text>
					<Text as="p">
						<span data-testid="bulk-preview">{preview ? sayPreview(preview) : "Look first what becomes of the figures."}</span>
					</Text>
					{refused && <Text as="p">{refused}</Text>}
					<InlineStack gap="200">
						<Button disabled={wrong !== null} loading={looking.state !== "idle"} onClick={look}>
							Look what changes
						</Button>
						<Button
							variant="primary"
							disabled={wrong !== null || preview === null || refused !== null || running}
							loading={busy}
							onClick={() => onApply({ policy })}
						>
							{preview ? `Change ${plural(preview.listings, "listing")}` : "Change listings"}
						</Button>
					</InlineStack>
				</BlockStack>
			</Card>
		</>
	);
}

const sayPreview = ({ listings, changes, toZero, raised, lowered }: BulkPreview) =>
	`${plural(listings, "listing")} ${listings === 1 ? "gets" : "get"} this rule. ${plural(changes, "figure")} would change, ${number(toZero)} of them to zero; ${number(raised)} raised, ${number(lowered)} lowered. Rules that single listings have are replaced; undoing brings them back.`;

export const ErrorBoundary = () => <PageError title="Change all" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
