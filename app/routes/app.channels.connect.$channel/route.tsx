import { type ActionFunctionArgs, type HeadersFunction, type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, BlockStack, Button, Card, FormLayout, InlineStack, Select, Text, TextField } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect, useState } from "react";
import { answering, requireRight } from "#app/authenticate.server.ts";
import {
	askForSetUp,
	beginConsent,
	completeConsent,
	completeOneClick,
	connectGuest,
	startOneClick,
} from "#app/connections/guests/index.ts";
import { deps } from "#app/deps.server.ts";
import { readConnectForm } from "#app/pages/channels/connect-form.ts";
import { AppPage } from "../../components/app-page.tsx";
import { KeyFields, KeySteps, OneClick } from "../../components/channel-keys.tsx";
import { PageError } from "../../components/route-error.tsx";
import { useProblem } from "../../components/use-problem.ts";

/**
 * The form; or, where the merchant comes back from the store's or the channel's own page, the end of it. Loaded twice it is
 * finished once: whoever is connected already is led on.
 */
export async function loader({ request, params }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "approve");
	const form = readConnectForm(deps(), params.channel ?? "");
	if (!form) throw new Response(null, { status: 404 });
	const { searchParams } = new URL(request.url);
	const back = { nonce: searchParams.get("nonce"), oneClick: searchParams.get("user_id") };
	if (back.oneClick && searchParams.get("success") === "0") return { form, refused: "The store was told not to. Nothing has changed." };
	const outcome = back.nonce
		? await completeConsent(deps(), { shopId, userId, nonce: back.nonce })
		: back.oneClick
			? await completeOneClick(deps(), shopId, { nonce: back.oneClick, userId })
			: null;
	if (outcome === null) return { form, refused: null };
	if (!("connectionId" in outcome)) return { form, refused: outcome.reason };
	await askForSetUp(deps(), shopId, outcome.connectionId, { work: "catalogue", actor: userId });
	// The frame's own parameters stay: a page that is asked for without them is led out of the admin, to be signed in anew.
	for (const name of ["nonce", "user_id", "success"]) searchParams.delete(name);
	throw redirect(`/app/channels/${outcome.connectionId}?${searchParams}`);
}

type Answer = { ok: false; message: string } | { ok: true; leave: string };

/** Keys that were sent twice connect once: the second is told that it is connected already, with the way there. */
export const action = ({ request, params }: ActionFunctionArgs) =>
	answering(async (): Promise<Answer | Response> => {
		const { shopId, userId, shopDomain } = await requireRight(request, "approve");
		const id = params.channel ?? "";
		if (!readConnectForm(deps(), id)) throw new Response(null, { status: 404 });
		const typed = Object.fromEntries([...(await request.formData())].map(([name, value]) => [name, String(value)]));
		const { intent, account = "", name = "", ...fields } = typed;
		const returnPath = `/app/channels/connect/${id}`;
		if (intent === "one-click") {
			const started = await startOneClick(deps(), shopId, { account, userId, shopDomain, returnPath });
			return started.outcome === "started" ? { ok: true, leave: started.url } : { ok: false, message: started.reason };
		}
		if (intent === "consent") {
			const begun = await beginConsent(deps(), { shopId, userId, channelId: id, chosen: fields, returnPath });
			return begun.outcome === "started" ? { ok: true, leave: begun.url } : { ok: false, message: begun.reason };
		}
		const connected = await connectGuest(deps(), shopId, { channel: id, account, name, credentials: fields, actor: userId });
		if (connected.outcome !== "connected") return { ok: false, message: connected.reason };
		await askForSetUp(deps(), shopId, connected.connectionId, { work: "catalogue", actor: userId });
		return redirect(`/app/channels/${connected.connectionId}`);
	});

export default function ConnectPage() {
	const { form, refused } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Answer>();
	const [values, setValues] = useState<Record<string, string>>(() =>
		Object.fromEntries(form.choices.map(({ key, options }) => [key, options[0]?.value ?? ""])),
	);
	const answer = fetcher.data;
	// The channel's page may not be framed: it opens in place of the whole admin.
	useEffect(() => {
		if (answer?.ok) window.open(answer.leave, "_top");
	}, [answer]);

	const field = (key: string) => ({ value: values[key] ?? "", onChange: (value: string) => setValues({ ...values, [key]: value }) });
	const send = (intent: string) => fetcher.submit({ ...values, intent }, { method: "post" });
	const busy = (intent: string) => fetcher.state !== "idle" && fetcher.formData?.get("intent") === intent;
	const problem = fetcher.state !== "idle" ? null : answer && !answer.ok ? answer.message : refused;
	const banner = useProblem(problem !== null);
	return (
		<AppPage title={`Connect ${form.name}`} back={{ content: "Channels", url: "/app/channels" }}>
			<BlockStack gap="400">
				{problem && (
					<Banner ref={banner} tone="critical" title={`${form.name} is not connected`}>
						<p>{problem}</p>
					</Banner>
				)}
				<Card>
					<BlockStack gap="400">
						<Text as="p">
							Nothing changes in {form.name} for now. Lockstep reads its listings, you match them with your products, and it watches as long
							as you like. Only when you go live are figures written there.
						</Text>
						{form.way === "consent" ? (
							<FormLayout>
								{form.choices.map(({ key, label, options }) => (
									<Select key={key} label={label} options={options} {...field(key)} />
								))}
								<Button variant="primary" loading={busy("consent")} onClick={() => send("consent")}>
									{`Agree on ${form.name}'s page`}
								</Button>
							</FormLayout>
						) : (
							<form
								onSubmit={(event) => {
									event.preventDefault();
									send("keys");
								}}
							>
								<FormLayout>
									<TextField
										label="Address of the store"
										placeholder="your-store.com"
										autoComplete="url"
										{...field("account")}
										helpText="As your customers see it. The connection must be encrypted (https)."
									/>
									{form.hasOneClick && (
										<OneClick
											label="Connect with one click"
											disabled={!values.account}
											loading={busy("one-click")}
											onPress={() => send("one-click")}
										/>
									)}
									<KeyFields fields={form.fields} field={field} />
									<TextField
										label="Your own name for it (optional)"
										autoComplete="off"
										maxLength={80}
										{...field("name")}
										helpText="Where you have several stores, this tells them apart."
									/>
									<InlineStack gap="300" blockAlign="center">
										<Button submit loading={busy("keys")} {...(form.hasOneClick ? {} : { variant: "primary" as const })}>
											Test and connect
										</Button>
										{busy("keys") && (
											<Text as="span" tone="subdued">
												Calling the store…
											</Text>
										)}
									</InlineStack>
								</FormLayout>
							</form>
						)}
					</BlockStack>
				</Card>
				<KeySteps steps={form.steps} />
			</BlockStack>
		</AppPage>
	);
}

const NOT_AVAILABLE = {
	heading: "This channel cannot be connected here",
	why: "Whoever runs this server has not registered the app with it.",
	action: { content: "See the channels", url: "/app/channels" },
};

export const ErrorBoundary = () => <PageError title="Connect a channel" gone={NOT_AVAILABLE} />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
