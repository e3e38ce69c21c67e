import type { ActionFunctionArgs, HeadersFunction, LinksFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Card, ChoiceList, FormLayout, InlineGrid, Select, Text, TextField } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect, useRef, useState } from "react";
import { z } from "zod";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { changePolicy, chooseLocations } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { refuseRules } from "#app/guards/index.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { previewRules, type RulesPreview } from "#app/pages/channels/preview-rules.ts";
import { readChannel } from "#app/pages/channels/read-channel.ts";
import { policySchema } from "#domain";
import { AppPage } from "../../components/app-page.tsx";
import styles from "../../components/channels.css?url";
import { PageError } from "../../components/route-error.tsx";
import { SaveBar } from "../../components/save-bar.tsx";
import { useSaid } from "../../components/use-said.ts";
import { PreviewCard } from "./preview-card.tsx";
import { isWrong, policyOf, type TypedRule, typedOf } from "./typed-rule.ts";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId } = await requireRight(request, "operate");
	const id = channelIdOf(params.id);
	const page = id === null ? null : await readChannel(database(), shopId, id);
	if (!page || page.channel.isHome) throw notThere();
	const { channel, policy, locations } = page;
	return { channel: { id: channel.id, name: channel.name, isLive: channel.state === "live" }, policy, locations };
}

/** A shop's locations are tens; Shopify's largest plan allows 1,000 (help.shopify.com, "Location limits"). */
const LOCATIONS_MAX = 1_000;
const asked = z.object({
	intent: z.enum(["preview", "save"]),
	policy: policySchema,
	locationIds: z.array(z.int().positive()).max(LOCATIONS_MAX),
});

/** `refused`: why this person cannot save it. */
type Answer = Said & { preview?: RulesPreview; refused?: string | null };

/** Saved twice, the second saves what is there. Looking ahead changes nothing. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer> => {
		const { shopId, userId: actor, right } = await requireRight(request, "operate");
		const connectionId = channelIdOf(params.id);
		const page = connectionId === null ? null : await readChannel(database(), shopId, connectionId);
		if (connectionId === null || !page || page.channel.isHome) throw notThere();
		const read = asked.safeParse(await request.json().catch(() => null));
		if (!read.success) return { ok: false, message: "Some figures could not be understood. Nothing was changed." };
		const { intent, policy, locationIds } = read.data;
		const preview = await previewRules(database(), { shopId, connectionId }, { policy, locationIds });
		const isWritten = page.channel.state === "live" || page.channel.state === "paused";
		const refused = isWritten ? await refuseRules(database(), shopId, { right, toZero: preview.toZero }) : null;
		if (intent === "preview") return { ok: true, message: "", preview, refused };
		if (refused) return { ok: false, message: refused };
		const chosen = page.locations.filter((location) => location.chosen).map(({ id }) => id);
		if (!isSame(chosen, locationIds)) {
			const outcome = await chooseLocations(deps(), shopId, connectionId, { locationIds, actor });
			if (outcome.outcome === "unknown")
				return { ok: false, message: "One of these locations is gone. Nothing was changed: open the page again." };
		}
		if (JSON.stringify(policy) !== JSON.stringify(page.policy)) {
			await changePolicy(deps(), shopId, connectionId, { policy, listingIds: null, actor });
		}
		return { ok: true, message: "Saved. What changes is on its way." };
	});

const isSame = (a: readonly number[], b: readonly number[]) =>
	JSON.stringify([...a].sort((x, y) => x - y)) === JSON.stringify([...b].sort((x, y) => x - y));

/** A person who types is not answered figure by figure. */
const TYPING_MS = 400;

export default function RulesRoute() {
	const { channel, policy, locations } = useLoaderData<typeof loader>();
	const saving = useFetcher<Answer>();
	const looking = useFetcher<Answer>();
	const before = { rule: typedOf(policy), locations: locations.filter((one) => one.chosen).map(({ id }) => String(id)) };
	const [rule, setRule] = useState<TypedRule>(before.rule);
	const [chosen, setChosen] = useState<string[]>(before.locations);
	const [byHand, setByHand] = useState(before.locations.length > 0);
	useSaid(saving);
	const picked = byHand ? chosen : [];
	const dirty = JSON.stringify(rule) !== JSON.stringify(before.rule) || !isSame(picked.map(Number), before.locations.map(Number));
	const wrong = isWrong(rule);
	const refused = dirty ? (looking.data?.refused ?? null) : null;
	const body = JSON.stringify({ policy: policyOf(rule), locationIds: picked.map(Number) });
	const { submit: look } = looking;
	const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
	useEffect(() => {
		if (!dirty || wrong) return;
		timer.current = setTimeout(() => {
			look(JSON.stringify({ intent: "preview", ...JSON.parse(body) }), { method: "post", encType: "application/json" });
		}, TYPING_MS);
		return () => clearTimeout(timer.current ?? undefined);
	}, [body, dirty, wrong, look]);

	const save = () =>
		saving.submit(JSON.stringify({ intent: "save", ...JSON.parse(body) }), { method: "post", encType: "application/json" });
	const discard = () => {
		setRule(before.rule);
		setChosen(before.locations);
		setByHand(before.locations.length > 0);
	};
	const field = (name: Exclude<keyof TypedRule, "kind">) => ({
		value: rule[name],
		onChange: (value: string) => setRule({ ...rule, [name]: value }),
		inputMode: "numeric" as const,
		autoComplete: "off",
		...(wrong === name ? { error: "A whole number of 0 or more" } : {}),
	});
	return (
		<AppPage title="What it shows" back={{ content: channel.name, url: `/app/channels/${channel.id}` }} subtitle={channel.name}>
			<SaveBar
				id="channel-rules"
				open={dirty}
				saving={saving.state !== "idle"}
				disabled={wrong !== null || refused !== null}
				onSave={save}
				onDiscard={discard}
			/>
			<InlineGrid columns={{ xs: 1, lg: ["twoThirds", "oneThird"] }} gap="400" alignItems="start">
				<BlockStack gap="400">
					<Card>
						<BlockStack gap="300">
							<Text as="h2" variant="headingSm">
								Rule
							</Text>
							<Text as="p" tone="subdued">
								For listings without a rule of their own. Never more than is available is shown, whatever stands here.
							</Text>
							<FormLayout>
								<Select
									label="Shows"
									options={[
										{ value: "exact", label: "Everything that is available" },
										{ value: "buffer", label: "Everything but a buffer" },
										{ value: "percentage", label: "A part of it" },
										{ value: "fixed", label: "Always the same figure, as long as there are so many" },
									]}
									value={rule.kind}
									onChange={(kind) => setRule({ ...rule, kind: kind as TypedRule["kind"] })}
								/>
								{rule.kind === "buffer" && <TextField label="Buffer" suffix="units held back" {...field("buffer")} />}
								{rule.kind === "percentage" && <TextField label="Part" suffix="%" {...field("percentage")} />}
								{rule.kind === "fixed" && <TextField label="Figure" suffix="units" {...field("fixed")} />}
								<FormLayout.Group>
									<TextField label="Minimum" helpText="Below it, 0 is shown: the last pieces stay with you" {...field("minimum")} />
									<TextField label="Maximum" helpText="Never more than this" {...field("maximum")} />
								</FormLayout.Group>
							</FormLayout>
						</BlockStack>
					</Card>
					<Card>
						<BlockStack gap="300">
							<Text as="h2" variant="headingSm">
								Stock from
							</Text>
							<ChoiceList
								title="Locations"
								titleHidden
								choices={[
									{ value: "all", label: "All locations that fulfil online orders", helpText: "Also new ones, as Shopify has them." },
									{ value: "some", label: "Only these" },
								]}
								selected={[byHand ? "some" : "all"]}
								onChange={([value]) => setByHand(value === "some")}
							/>
							{byHand && (
								<ChoiceList
									allowMultiple
									title="Locations that feed this channel"
									choices={locations.map(({ id, name, sellsOnline }) => ({
										value: String(id),
										label: name,
										...(sellsOnline ? {} : { helpText: "Does not fulfil online orders" }),
									}))}
									selected={chosen}
									onChange={setChosen}
									{...(chosen.length === 0 ? { error: "Choose at least one; with none, all that fulfil online orders are taken." } : {})}
								/>
							)}
						</BlockStack>
					</Card>
				</BlockStack>
				<PreviewCard
					refused={refused}
					preview={dirty ? (looking.data?.preview ?? null) : null}
					isDirty={dirty}
					isLooking={looking.state !== "idle"}
					isLive={channel.isLive}
					name={channel.name}
				/>
			</InlineGrid>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="What it shows" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
