import { randomUUID } from "node:crypto";
import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData, useSearchParams } from "@remix-run/react";
import { BlockStack, Button, Card, InlineStack, ProgressBar, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { askForBulkRules, type BulkPreview, previewBulkRules, readNewestBulk } from "#app/backfill/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { readStockRequest } from "#app/pages/stock/read-stock.ts";
import { countItems, findAllItemIds } from "#app/pages/stock/sql/find-items.ts";
import { policySchema } from "#domain";
import { AppPage } from "../../components/app-page.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useSaid } from "../../components/use-said.ts";
import { useWorking } from "../../components/use-working.ts";
import { number, plural } from "../../components/words.ts";
import { isWrong, policyOf, type TypedRule, typedOf } from "../app.channels.$id.rules/typed-rule.ts";
import { RuleCard } from "./rule-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "operate");
	const filter = readStockRequest(new URL(request.url).searchParams);
	const [products, newest] = await Promise.all([countItems(database(), shopId, filter), readNewestBulk(database(), shopId)]);
	return { products, newest, press: randomUUID() };
}

const asked = z.object({
	intent: z.enum(["preview", "apply"]),
	policy: policySchema.nullable(),
	press: z.string().min(1).max(60),
	/** How many products the person saw: more or fewer now, and it is asked again. */
	products: z.int().min(0),
});
type Answer = Said & { preview?: BulkPreview };

/** Looking ahead changes nothing; pressed twice, it is one change. What the filter matches is settled here, at this moment. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const read = asked.safeParse(await request.json().catch(() => null));
		if (!read.success) return { ok: false, message: "Some figures could not be understood. Nothing was changed." };
		const { intent, policy, press, products } = read.data;
		const filter = readStockRequest(new URL(request.url).searchParams);
		const chosen = { itemIds: await findAllItemIds(database(), shopId, filter), channelId: filter.channelId };
		if (intent === "preview") {
			return { ok: true, message: "", preview: await previewBulkRules(database(), shopId, { ...chosen, policy }) };
		}
		if (chosen.itemIds.length !== products) {
			const now = plural(chosen.itemIds.length, "product");
			return { ok: false, message: `The filter matches ${now} by now. Nothing was changed: look again, please.` };
		}
		const outcome = await askForBulkRules(deps(), shopId, { ...chosen, policy, actor, press: `page-${press}` });
		switch (outcome.outcome) {
			case "asked":
				return { ok: true, message: "" };
			case "busy":
				return { ok: false, message: "Another bulk change is under way. Please wait until it is done." };
			case "nothing":
				return { ok: false, message: "None of these products is for sale on a channel. Nothing was changed." };
		}
	});

export default function BulkPage() {
	const { products, newest, press: fresh } = useLoaderData<typeof loader>();
	const [search] = useSearchParams();
	const looking = useFetcher<Answer>();
	const applying = useFetcher<Answer>();
	// The page's data is read again while a worker is at it; the press stays the one that this page was opened with.
	const [press] = useState(fresh);
	const [rule, setRule] = useState<TypedRule>(typedOf({ kind: "exact" }));
	const [ofChannel, setOfChannel] = useState(false);
	useSaid(applying);
	const running = newest !== null && !newest.isOver;
	useWorking(running);
	const own = newest?.press === `page-${press}` ? newest : null;
	const wrong = ofChannel ? null : isWrong(rule);
	const policy = ofChannel ? null : policyOf(rule);
	// Of another rule than this one nothing was seen yet.
	const [lookedAt, setLookedAt] = useState("");
	const send = (intent: "preview" | "apply") => {
		setLookedAt(JSON.stringify(policy));
		(intent === "preview" ? looking : applying).submit(JSON.stringify({ intent, policy, press, products }), {
			method: "post",
			encType: "application/json",
			action: `/app/stock/bulk?${search}`,
		});
	};
	const preview = lookedAt === JSON.stringify(policy) ? (looking.data?.preview ?? null) : null;
	return (
		<AppPage
			title="One rule for all"
			back={{ content: "Stock", url: `/app/stock?${search}` }}
			subtitle={`All ${plural(products, "product")} that match the filter`}
		>
			<BlockStack gap="400">
				{newest && (running || own) && (
					<Card>
						<BlockStack gap="200">
							<Text as="p" id="bulk-progress">
								<span data-testid="bulk-progress">
									{newest.isOver
										? `Done: ${plural(newest.changed, "listing")} changed, ${number(newest.total - newest.changed)} had that rule already or are gone. It can be undone in Activity.`
										: `${number(newest.done)} of ${plural(newest.total, "listing")} done. You can close this page.`}
								</span>
							</Text>
							<ProgressBar
								progress={Math.round((100 * newest.done) / Math.max(1, newest.total))}
								size="small"
								animated={false}
								ariaLabelledBy="bulk-progress"
							/>
						</BlockStack>
					</Card>
				)}
				{!own && (
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
								<InlineStack gap="200">
									<Button disabled={wrong !== null} loading={looking.state !== "idle"} onClick={() => send("preview")}>
										Look what changes
									</Button>
									<Button
										variant="primary"
										disabled={wrong !== null || preview === null || running}
										loading={applying.state !== "idle"}
										onClick={() => send("apply")}
									>
										{`Change ${plural(preview?.listings ?? 0, "listing")}`}
									</Button>
								</InlineStack>
							</BlockStack>
						</Card>
					</>
				)}
			</BlockStack>
		</AppPage>
	);
}

const sayPreview = ({ listings, changes, toZero, raised, lowered }: BulkPreview) =>
	`${plural(listings, "listing")} get this rule. ${plural(changes, "figure")} would change, ${number(toZero)} of them to zero; ${number(raised)} raised, ${number(lowered)} lowered. Rules that single listings have are replaced; undoing brings them back.`;

export const ErrorBoundary = () => <PageError title="One rule for all" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
