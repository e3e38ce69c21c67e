import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Button, Card, InlineStack, Select, Text } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect, useState } from "react";
import { answering, requireRight } from "#app/authenticate.server.ts";
import { beginConsent, completeConsent } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readRenewalForm } from "#app/pages/channels/read-consent.ts";
import { AppPage } from "../../components/app-page.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useProblem } from "../../components/use-problem.ts";
import { Day } from "../../components/when.tsx";

/** What is to be agreed to again; or, where the merchant comes back from the channel's own page, the end of it. */
export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "approve");
	const id = channelIdOf(params.id);
	const form = id === null ? null : await readRenewalForm(database(), deps(), shopId, id);
	if (id === null || !form) throw notThere();
	const { searchParams } = new URL(request.url);
	const nonce = searchParams.get("nonce");
	if (!nonce) return { id, form, refused: null };
	const outcome = await completeConsent(deps(), { shopId, userId, nonce });
	if (!("connectionId" in outcome)) return { id, form, refused: outcome.reason };
	// The frame's own parameters stay, as after connecting; what the page says once is in the address only until it is said.
	searchParams.delete("nonce");
	searchParams.set("renewed", "1");
	throw redirect(`/app/channels/${outcome.connectionId}?${searchParams}`);
}

type Answer = { ok: false; message: string } | { ok: true; leave: string };

/** Pressed twice, two links are made: the second is as good as the first, and each works once. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer> => {
		const { shopId, userId } = await requireRight(request, "approve");
		const id = channelIdOf(params.id);
		const form = id === null ? null : await readRenewalForm(database(), deps(), shopId, id);
		if (id === null || !form) throw notThere();
		const chosen = Object.fromEntries([...(await request.formData())].map(([name, value]) => [name, String(value)]));
		const returnPath = `/app/channels/${id}/renew`;
		const begun = await beginConsent(deps(), { shopId, userId, channelId: form.channel, connectionId: id, chosen, returnPath });
		return begun.outcome === "started" ? { ok: true, leave: begun.url } : { ok: false, message: begun.reason };
	});

export default function RenewPage() {
	const { id, form, refused } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Answer>();
	const [values, setValues] = useState<Record<string, string>>(() =>
		Object.fromEntries(form.choices.map(({ key, options }) => [key, options[0]?.value ?? ""])),
	);
	const answer = fetcher.data;
	// The channel's page may not be framed: it opens in place of the whole admin.
	useEffect(() => {
		if (answer?.ok) window.open(answer.leave, "_top");
	}, [answer]);
	const problem = fetcher.state !== "idle" ? null : answer && !answer.ok ? answer.message : refused;
	const banner = useProblem(problem !== null);
	return (
		<AppPage title="Renew consent" back={{ content: form.name, url: `/app/channels/${id}` }} subtitle={`${form.kind} · ${form.account}`}>
			<BlockStack gap="400">
				{problem && (
					<Banner ref={banner} tone="critical" title="The consent is not renewed">
						<p>{problem}</p>
					</Banner>
				)}
				<Card>
					<BlockStack gap="400">
						<Text as="p">
							{form.endsAt && (
								<>
									Your consent {form.hasEnded ? "ended" : "ends"} on <Day at={form.endsAt} />.{" "}
								</>
							)}
							You agree again on {form.kind}'s own page, signed in to the account {form.account}, and come back here.
						</Text>
						<Text as="p" tone="subdued">
							Nothing else changes: orders go on being counted, and listings, rules and figures stay as they are.
						</Text>
						{form.choices.map(({ key, label, options }) => (
							<Select
								key={key}
								label={label}
								options={options}
								value={values[key] ?? ""}
								onChange={(value) => setValues({ ...values, [key]: value })}
							/>
						))}
						<InlineStack>
							<Button
								variant="primary"
								disabled={!form.isAvailable}
								loading={fetcher.state !== "idle" || answer?.ok === true}
								onClick={() => fetcher.submit(values, { method: "post" })}
							>
								{`Continue to ${form.kind}`}
							</Button>
						</InlineStack>
						{!form.isAvailable && (
							<Text as="p" variant="bodySm" tone="subdued">
								Whoever runs this server has not registered the app with {form.kind}.
							</Text>
						)}
					</BlockStack>
				</Card>
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Renew consent" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
