import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Box, Button, IndexTable, InlineStack, Link, Text } from "@shopify/polaris";
import { ClockIcon } from "@shopify/polaris-icons";
import { boundary } from "@shopify/shopify-app-remix/server";
import { memo, useCallback } from "react";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import type { Entry, EntryKind } from "#app/pages/activity/entry.ts";
import { readActivity, readActivityRequest } from "#app/pages/activity/read-activity.ts";
import { undoEntry } from "#app/pages/activity/undo-entry.ts";
import { AppPage } from "../../components/app-page.tsx";
import { choiceFilter } from "../../components/choice-filter.tsx";
import { Empty } from "../../components/empty.tsx";
import { IndexList, rowKey } from "../../components/index-list.tsx";
import { PageError } from "../../components/route-error.tsx";
import { usePhone } from "../../components/use-phone.ts";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { useUrlFilters } from "../../components/use-url-filters.ts";
import { Moment } from "../../components/when.tsx";
import { plural } from "../../components/words.ts";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "look");
	return { activity: await readActivity(database(), shopId, userId, readActivityRequest(new URL(request.url).searchParams)) };
}

/** Undone twice, the second time finds that it was changed since, and changes nothing. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId: actor } = await requireRight(request, "operate");
		const entryId = Number((await request.formData()).get("entry"));
		if (!Number.isSafeInteger(entryId)) return { ok: false, message: "That could not be understood. Nothing was changed." };
		const undone = await undoEntry(deps(), shopId, { entryId, actor });
		switch (undone.outcome) {
			case "undone":
				return { ok: true, message: `Undone: ${plural(undone.things, "thing")} as before. Sales in between are kept.` };
			case "begun":
				return { ok: true, message: `Being undone for ${plural(undone.things, "listing")}. Sales in between are kept.` };
			case "busy":
				return { ok: false, message: "Another bulk change is under way. Please try again when it is done." };
			case "overtaken":
				return { ok: false, message: "It was changed again since. Nothing was changed now." };
			case "unknown":
				return { ok: false, message: "This cannot be undone here: what it was about is gone." };
		}
	});

const KIND_WORDS: Readonly<Record<EntryKind, string>> = {
	rules: "Rules",
	pauses: "Pauses",
	links: "Links",
	bundles: "Bundles",
	channels: "Channels",
	failures: "Failures",
	approvals: "Approvals",
	bulk: "Bulk changes",
	oversells: "Oversells",
	people: "People and views",
};
const VIEWS = [{ name: "All", query: "" }, ...Object.entries(KIND_WORDS).map(([kind, name]) => ({ name, query: `kind=${kind}` }))];

export default function ActivityPage() {
	const { activity } = useLoaderData<typeof loader>();
	const filters = useUrlFilters();
	const isPhone = usePhone();
	const mayUndo = useAllowed("operate");
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const person = activity.people.find(({ userId }) => userId === filters.get("person"));
	const { submit } = fetcher;
	const undo = useCallback((entry: Entry) => submit({ entry: String(entry.id) }, { method: "post" }), [submit]);
	return (
		<AppPage title="Activity" fullWidth>
			<IndexList
				names={{ singular: "entry", plural: "entries" }}
				filters={filters}
				views={VIEWS}
				filterNames={["kind", "person"]}
				choices={[
					choiceFilter(filters, {
						key: "person",
						label: "Who",
						choices: activity.people.map(({ userId, name }) => ({ value: userId, label: name })),
					}),
				]}
				applied={person ? [{ key: "person", label: `By ${person.name}` }] : []}
				headings={[{ title: "When" }, { title: "Who" }, { title: "What" }, { title: "Undo", hidden: true }]}
				rowCount={activity.entries.length}
				pages={activity.pages}
				nothingYet={
					activity.isEmpty ? (
						<Empty icon={ClockIcon} heading="Nothing has been done yet">
							Every change that somebody makes in Lockstep is listed here, with what was there before.
						</Empty>
					) : undefined
				}
			>
				{activity.entries.map((entry, index) => (
					<OneRow
						key={rowKey(entry.id, isPhone)}
						entry={entry}
						position={index}
						isPhone={isPhone}
						busy={fetcher.state !== "idle"}
						onUndo={mayUndo && entry.undoable ? undo : undefined}
					/>
				))}
			</IndexList>
		</AppPage>
	);
}

type OneRowProps = {
	entry: Entry;
	position: number;
	isPhone: boolean;
	busy: boolean;
	onUndo: ((entry: Entry) => void) | undefined;
};

/** Filters and views change while the same entries stay: they are not drawn again. */
const OneRow = memo(function OneRow({ entry, position, isPhone, busy, onUndo }: OneRowProps) {
	const undo = onUndo && (() => onUndo(entry));
	return (
		<IndexTable.Row id={String(entry.id)} position={position}>
			{isPhone ? (
				<PhoneRow entry={entry} onUndo={undo} busy={busy} />
			) : (
				<>
					<IndexTable.Cell>
						<Moment at={entry.at} />
					</IndexTable.Cell>
					<IndexTable.Cell>{entry.who}</IndexTable.Cell>
					<IndexTable.Cell className="cell-product">
						<What entry={entry} />
					</IndexTable.Cell>
					<IndexTable.Cell>{undo && <UndoButton entry={entry} onUndo={undo} busy={busy} />}</IndexTable.Cell>
				</>
			)}
		</IndexTable.Row>
	);
});

function What({ entry }: { entry: Entry }) {
	return (
		<BlockStack gap="050">
			<Text as="span" breakWord>
				{entry.url === null ? (
					entry.what
				) : (
					<Link url={entry.url} monochrome>
						{entry.what}
					</Link>
				)}
			</Text>
			{entry.after !== null && (
				<Text as="span" variant="bodySm" tone="subdued" breakWord>
					{entry.before === null ? entry.after : `${entry.before} → ${entry.after}`}
				</Text>
			)}
		</BlockStack>
	);
}

const UndoButton = ({ entry, onUndo, busy }: { entry: Entry; onUndo: () => void; busy: boolean }) => (
	<InlineStack align="end">
		<Button size="slim" disabled={busy} onClick={onUndo} accessibilityLabel={`Undo: ${entry.what}`}>
			Undo
		</Button>
	</InlineStack>
);

function PhoneRow({ entry, onUndo, busy }: { entry: Entry; onUndo: (() => void) | undefined; busy: boolean }) {
	return (
		<Box padding="300" width="100%">
			<BlockStack gap="200">
				<What entry={entry} />
				<InlineStack align="space-between" blockAlign="center">
					<Text as="span" variant="bodySm" tone="subdued">
						{entry.who} · <Moment at={entry.at} />
					</Text>
					{onUndo && <UndoButton entry={entry} onUndo={onUndo} busy={busy} />}
				</InlineStack>
			</BlockStack>
		</Box>
	);
}

export const ErrorBoundary = () => <PageError title="Activity" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
