import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Card } from "@shopify/polaris";
import { InventoryIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { pauseChosen, RULES_MAX, saveRules } from "#app/pages/stock/change-rules.ts";
import { readEditing } from "#app/pages/stock/read-editing.ts";
import { policySchema } from "#domain";
import { AppPage } from "../../components/app-page.tsx";
import { Empty } from "../../components/empty.tsx";
import { PageError } from "../../components/route-error.tsx";
import { SaveBar } from "../../components/save-bar.tsx";
import { useSaid } from "../../components/use-said.ts";
import { plural } from "../../components/words.ts";
import { type Edits, isWrong, policyOf } from "./edits.ts";
import { EditTable } from "./table.tsx";

/** A page of the stock list. */
const ITEMS_MAX = 50;

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "operate");
	const { searchParams } = new URL(request.url);
	const itemIds = searchParams.getAll("item").map(Number).filter(Number.isSafeInteger).slice(0, ITEMS_MAX);
	const channel = Number(searchParams.get("channel"));
	return {
		listings: await readEditing(database(), shopId, { itemIds, channelId: Number.isSafeInteger(channel) && channel > 0 ? channel : null }),
	};
}

const asked = z.object({
	rules: z.array(z.object({ listingId: z.int().positive(), policy: policySchema.nullable() })).max(RULES_MAX),
	pauses: z.array(z.object({ listingId: z.int().positive(), paused: z.boolean() })).max(RULES_MAX),
});

/** Saved twice it is saved once: a rule that is there already is no change, nor is a pause. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const read = asked.safeParse(await request.json().catch(() => null));
		if (!read.success) return { ok: false, message: "Some figures could not be understood. Nothing was changed." };
		const { rules, pauses } = read.data;
		const saved = await saveRules(deps(), shopId, { rules, actor });
		if (saved.outcome === "unknown")
			return { ok: false, message: "Some of these listings are gone. Nothing was changed: open the page again." };
		for (const paused of [true, false]) {
			const listingIds = pauses.filter((one) => one.paused === paused).map((one) => one.listingId);
			if (listingIds.length > 0) await pauseChosen(deps(), shopId, { listingIds, paused, reason: "by hand", actor });
		}
		return { ok: true, message: `${plural(rules.length + pauses.length, "change")} saved. Former rules are in Activity.` };
	});

export default function EditStockPage() {
	const { listings } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	const [edits, setEdits] = useState<Edits>({});
	useSaid(fetcher, (said) => said.ok && setEdits({}));
	const dirty = Object.keys(edits).length > 0;
	const wrong = listings.filter((listing) => isWrong(edits[listing.id]));
	const save = () => {
		const changed = listings.filter(({ id }) => edits[id]);
		const body = {
			rules: changed.filter(({ id }) => edits[id]?.touchesRule).map((one) => ({ listingId: one.id, policy: policyOf(one, edits[one.id]) })),
			pauses: changed
				.filter(({ id, paused }) => edits[id]?.paused !== undefined && edits[id]?.paused !== paused)
				.map((one) => ({ listingId: one.id, paused: edits[one.id]?.paused ?? one.paused })),
		};
		fetcher.submit(JSON.stringify(body), { method: "post", encType: "application/json" });
	};
	return (
		<AppPage title="Edit rules" back={{ content: "Stock", url: "/app/stock" }} subtitle={plural(listings.length, "listing")} fullWidth>
			<SaveBar
				id="edit-stock"
				open={dirty}
				saving={fetcher.state !== "idle"}
				disabled={wrong.length > 0}
				onSave={save}
				onDiscard={() => setEdits({})}
			/>
			<BlockStack gap="400">
				{wrong.length > 0 && (
					<Banner tone="critical" title="Some figures are not whole numbers of 0 or more">
						<p>{wrong.map((one) => one.sku || one.title).join(", ")}</p>
					</Banner>
				)}
				{listings.length === 0 ? (
					<Card>
						<Empty
							icon={InventoryIcon}
							heading="None of these products is on a sales channel"
							action={{ content: "Back to stock", url: "/app/stock" }}
						>
							Rules say how much of the stock a channel shows.
						</Empty>
					</Card>
				) : (
					<EditTable listings={listings} edits={edits} onEdit={setEdits} />
				)}
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Edit rules" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
