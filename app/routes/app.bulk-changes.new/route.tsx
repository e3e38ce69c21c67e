import { randomUUID } from "node:crypto";
import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Button, Card, InlineStack, List, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useRef, useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { type AskedChannel, askForListings, askForOrders, bringFile, FILE_BYTES_MAX, ORDERS_DAYS_MAX } from "#app/backfill/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { guestsOf, readShopMap } from "#app/pages/shop/read-channels.ts";
import { AppPage } from "../../components/app-page.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useSaid } from "../../components/use-said.ts";
import { ChannelCard } from "./channel-card.tsx";
import { saveSample } from "./sample.ts";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "operate");
	const map = await readShopMap(database(), shopId);
	return {
		press: randomUUID(),
		bytesMax: FILE_BYTES_MAX,
		today: new Date().toISOString().slice(0, 10),
		channels: guestsOf(map).map(({ id, name }) => ({ id, name })),
		locations: map.locations.filter(({ active }) => active).map(({ name }) => name),
	};
}

/** The file, and what a form puts around it. */
const BODY_BYTES_MAX = FILE_BYTES_MAX + 100_000;
const press = z.string().min(1).max(60);
const channel = z.coerce.number().int().positive();
const asked = z.discriminatedUnion("intent", [
	z.object({ intent: z.literal("file"), name: z.string().max(300), press }),
	z.object({ intent: z.literal("orders"), channel, since: z.iso.date(), press }),
	z.object({ intent: z.literal("listings"), channel, press }),
]);

/** A file that was sent twice by one press is one draft. Nothing is changed by it. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said | Response> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		// Before any of it is read.
		const length = Number(request.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
		if (!(length <= BODY_BYTES_MAX)) return { ok: false, message: "The file is larger than 20 MB. Please split it." };
		const form = await request.formData();
		const { file, ...fields } = Object.fromEntries(form);
		const read = asked.safeParse(fields);
		if (!read.success) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const wish = read.data;
		if (wish.intent !== "file") {
			const of = { connectionId: wish.channel, actor, press: `${wish.intent}-${wish.press}` };
			const made =
				wish.intent === "orders"
					? await askForOrders(deps(), shopId, { ...of, since: new Date(`${wish.since}T00:00:00Z`) })
					: await askForListings(deps(), shopId, of);
			return sayAsked(made);
		}
		if (file === undefined) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const bytes = typeof file === "string" ? Buffer.from(file) : new Uint8Array(await file.arrayBuffer());
		const brought = await bringFile(deps(), shopId, { bytes, name: wish.name, actor, press: `file-${wish.press}` });
		return brought.outcome === "refused" ? { ok: false, message: brought.reason } : redirect(`/app/bulk-changes/${brought.changeId}`);
	});

function sayAsked(asked: AskedChannel): Said | Response {
	switch (asked.outcome) {
		case "asked":
			return redirect(`/app/bulk-changes/${asked.changeId}`);
		case "unknown":
			return { ok: false, message: "This channel does not count yet, or is gone. Nothing was changed." };
		case "too-far":
			return { ok: false, message: `Choose a day within the last ${ORDERS_DAYS_MAX} days.` };
		case "too-many":
			return { ok: false, message: "Many bulk changes wait to be looked at. Confirm them or put them away first." };
	}
}

export default function NewBulkChange() {
	return (
		<AppPage title="New bulk change" back={{ content: "Bulk changes", url: "/app/bulk-changes" }}>
			<BlockStack gap="400">
				<FileCard />
				<ChannelCard />
				<RuleCard />
			</BlockStack>
		</AppPage>
	);
}

function FileCard() {
	const { press, bytesMax, channels, locations } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	const picker = useRef<HTMLInputElement>(null);
	const [pressed, setPressed] = useState(0);
	useSaid(fetcher);
	const pick = (file: File | undefined) => {
		if (!file) return;
		if (file.size > bytesMax) window.shopify?.toast.show("The file is larger than 20 MB. Please split it.", { isError: true });
		else {
			const form = new FormData();
			for (const [name, value] of Object.entries({ intent: "file", name: file.name, press: `${press}-${pressed}` })) form.set(name, value);
			form.set("file", file);
			setPressed(pressed + 1);
			fetcher.submit(form, { method: "post", encType: "multipart/form-data" });
		}
		if (picker.current) picker.current.value = "";
	};
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					From a file
				</Text>
				<Text as="p">
					A CSV file with one line for each product. You see what it would change before anything is done, and it can be rolled back
					afterwards.
				</Text>
				<List>
					<List.Item>
						“SKU” says which product; “Barcode” or “Variant ID” do as well. The columns may stand in any order, and what is empty stays as
						it is.
					</List.Item>
					<List.Item>
						“Quantity” is what shall be available, or “Change” is more or less (+3, -2)
						{locations.length > 1 ? `, at the “Location” (without one: ${locations[0]}).` : "."}
					</List.Item>
					<List.Item>
						“Buffer”, “Minimum”, “Maximum”, “Rule” and “Paused” are for the “Channel” that is named
						{channels.length > 0 ? ` (${channels.map(({ name }) => name).join(", ")})` : ""}, or for all of them.
					</List.Item>
					<List.Item>“Linked” yes or no links the “SKU on channel” to the product, or takes the link away.</List.Item>
				</List>
				<InlineStack gap="200">
					<Button variant="primary" loading={fetcher.state !== "idle"} onClick={() => picker.current?.click()}>
						Choose a file
					</Button>
					<Button onClick={() => saveSample({ channel: channels[0]?.name ?? "", location: locations[0] ?? "" })}>Download a sample</Button>
					<input
						ref={picker}
						type="file"
						accept=".csv,.tsv,.txt,text/csv"
						hidden
						aria-label="File with changes"
						onChange={(event) => pick(event.currentTarget.files?.[0])}
					/>
				</InlineStack>
				<Text as="p" variant="bodySm" tone="subdued">
					Up to 20 MB and 200,000 lines. The file that “Export” in Stock saves can be changed and brought back here.
				</Text>
			</BlockStack>
		</Card>
	);
}

const RuleCard = () => (
	<Card>
		<BlockStack gap="300">
			<Text as="h2" variant="headingSm">
				From a rule
			</Text>
			<Text as="p">One rule for all products that a filter of Stock shows, or all of them paused or resumed.</Text>
			<InlineStack gap="200">
				<Button url="/app/stock">Choose in Stock</Button>
				<Button url="/app/stock/bulk">For all products</Button>
			</InlineStack>
		</BlockStack>
	</Card>
);

export const ErrorBoundary = () => <PageError title="New bulk change" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
