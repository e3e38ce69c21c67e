import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, BlockStack } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect } from "react";
import { answering, requireRight } from "#app/authenticate.server.ts";
import { beginConsent, completeConsent, completeOneClick, renewKeys, startOneClick } from "#app/connections/guests/index.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { channelIdOf, notThere } from "#app/pages/channels/channel-id.ts";
import { readRenewalForm } from "#app/pages/channels/read-renewal.ts";
import { AppPage } from "../../components/app-page.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useProblem } from "../../components/use-problem.ts";
import { ConsentForm } from "./consent-form.tsx";
import { KeysForm } from "./keys-form.tsx";

/** What is to be agreed to or typed in again; or, where the merchant comes back from the channel's own page, the end of it. */
export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "approve");
	const id = channelIdOf(params.id);
	const form = id === null ? null : await readRenewalForm(database(), deps(), shopId, id);
	if (id === null || !form) throw notThere();
	const { searchParams } = new URL(request.url);
	const nonce = searchParams.get(form.way === "consent" ? "nonce" : "user_id");
	if (!nonce) return { id, form, refused: null };
	if (searchParams.get("success") === "0") return { id, form, refused: "The store was told not to. Nothing has changed." };
	const outcome =
		form.way === "consent"
			? await completeConsent(deps(), { shopId, userId, nonce })
			: await completeOneClick(deps(), shopId, { nonce, userId, renews: id });
	if (!("connectionId" in outcome)) return { id, form, refused: outcome.reason };
	// The frame's own parameters stay, as after connecting; what the page says once is in the address only until it is said.
	for (const name of ["nonce", "user_id", "success"]) searchParams.delete(name);
	searchParams.set("renewed", form.way);
	throw redirect(`/app/channels/${outcome.connectionId}?${searchParams}`);
}

type Answer = { ok: false; message: string } | { ok: true; leave: string };

/**
 * Pressed twice, two links are made: the second is as good as the first, and each works once. Keys that were sent twice are tried
 * twice and stay.
 */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer | Response> => {
		const { shopId, userId, shopDomain } = await requireRight(request, "approve");
		const id = channelIdOf(params.id);
		const form = id === null ? null : await readRenewalForm(database(), deps(), shopId, id);
		if (id === null || !form) throw notThere();
		const typed = Object.fromEntries([...(await request.formData())].map(([name, value]) => [name, String(value)]));
		const { intent, ...fields } = typed;
		const returnPath = `/app/channels/${id}/renew`;
		if (form.way === "consent") {
			const begun = await beginConsent(deps(), { shopId, userId, channelId: form.channel, connectionId: id, chosen: fields, returnPath });
			return begun.outcome === "started" ? { ok: true, leave: begun.url } : { ok: false, message: begun.reason };
		}
		if (intent === "one-click") {
			const started = await startOneClick(deps(), shopId, { account: form.account, userId, shopDomain, returnPath });
			return started.outcome === "started" ? { ok: true, leave: started.url } : { ok: false, message: started.reason };
		}
		const renewed = await renewKeys(deps(), shopId, { connectionId: id, credentials: fields, actor: userId });
		if (renewed.outcome === "refused") return { ok: false, message: renewed.reason };
		return redirect(`/app/channels/${id}?renewed=keys`);
	});

export default function RenewPage() {
	const { id, form, refused } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Answer>();
	const answer = fetcher.data;
	// The channel's page may not be framed: it opens in place of the whole admin.
	useEffect(() => {
		if (answer?.ok) window.open(answer.leave, "_top");
	}, [answer]);
	const problem = fetcher.state !== "idle" ? null : answer && !answer.ok ? answer.message : refused;
	const banner = useProblem(problem !== null);
	const isConsent = form.way === "consent";
	const isLeaving = answer?.ok === true;
	const pressed = fetcher.state === "idle" ? null : fetcher.formData?.get("intent") === "one-click" ? "one-click" : "keys";
	return (
		<AppPage
			title={isConsent ? "Renew consent" : "Enter new keys"}
			back={{ content: form.name, url: `/app/channels/${id}` }}
			subtitle={`${form.kind} · ${form.account}`}
		>
			<BlockStack gap="400">
				{problem && (
					<Banner ref={banner} tone="critical" title={isConsent ? "The consent is not renewed" : "These keys are not used"}>
						<p>{problem}</p>
					</Banner>
				)}
				{isConsent ? (
					<ConsentForm
						form={form}
						isLeaving={pressed !== null || isLeaving}
						onContinue={(chosen) => fetcher.submit({ ...chosen, intent: "consent" }, { method: "post" })}
					/>
				) : (
					<KeysForm
						form={form}
						busy={pressed ?? (isLeaving ? "one-click" : null)}
						onKeys={(keys) => fetcher.submit({ ...keys, intent: "keys" }, { method: "post" })}
						onOneClick={() => fetcher.submit({ intent: "one-click" }, { method: "post" })}
					/>
				)}
			</BlockStack>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Renew access" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
