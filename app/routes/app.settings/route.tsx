import type { ActionFunctionArgs, HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { useFetcher, useLoaderData } from "@remix-run/react";
import { Banner, Layout } from "@shopify/polaris";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useState } from "react";
import { z } from "zod";
import { askForTestMail } from "#alerts";
import { answering, requireRight, type Said } from "#app/authenticate.server.ts";
import { database } from "#app/db.server.ts";
import { deps } from "#app/deps.server.ts";
import { env } from "#app/env.server.ts";
import { readSettings } from "#app/pages/settings/read-settings.ts";
import { type SettingsSaved, saveSettings, settingsChange } from "#app/pages/settings/save-settings.ts";
import { AppPage } from "../../components/app-page.tsx";
import { PageError } from "../../components/route-error.tsx";
import { SaveBar } from "../../components/save-bar.tsx";
import { useAllowed } from "../../components/use-right.ts";
import { useSaid } from "../../components/use-said.ts";
import { AfterOversellCard } from "./after-oversell-card.tsx";
import { CountedCard } from "./counted-card.tsx";
import { DefaultsCard } from "./defaults-card.tsx";
import { type Draft, isWrong, toChange } from "./draft.ts";
import { EmailsCard } from "./emails-card.tsx";
import { GuardsCard } from "./guards-card.tsx";
import { PeopleCard } from "./people-card.tsx";

export async function loader({ request }: LoaderFunctionArgs) {
	const { shopId, userId } = await requireRight(request, "look");
	return { settings: await readSettings(database(), shopId, { reader: userId, sendsMail: env().mail !== null }) };
}

/** What is so already is no change: settings that were sent twice are saved once. */
export const action = ({ request }: ActionFunctionArgs) =>
	answering(async (): Promise<Said> => {
		const { shopId, userId } = await requireRight(request, "approve");
		const sent: unknown = await request.json().catch(() => null);
		const test = testAsked.safeParse(sent);
		if (test.success) return sendTest(shopId, test.data);
		const read = settingsChange.safeParse(sent);
		if (!read.success) return { ok: false, message: "Some of it could not be understood. Nothing was changed." };
		return sayOutcome(await saveSettings(database(), shopId, read.data, userId));
	});

const testAsked = z.object({ test: z.string().max(254), press: z.string().min(1).max(100) });

/** One e-mail to an address of the page; pressed twice it is one. */
async function sendTest(shopId: number, { test, press }: z.output<typeof testAsked>): Promise<Said> {
	if (env().mail === null) return { ok: false, message: "This server sends no e-mails." };
	if (!z.email().safeParse(test).success) return { ok: false, message: "That is not an e-mail address." };
	const { outcome } = await askForTestMail(deps(), shopId, { address: test, press });
	return outcome === "asked"
		? { ok: true, message: `A test e-mail is on its way to ${test}` }
		: { ok: false, message: "There were many tests within the hour. Try again later." };
}

function sayOutcome(saved: SettingsSaved): Said {
	if (saved.outcome === "saved") return { ok: true, message: "Settings saved" };
	if (saved.outcome === "refused") return { ok: false, message: saved.reason };
	switch (saved.at) {
		case "last-approver":
			return { ok: false, message: "Somebody must keep the right “Approve and connect”. Give it to another person first." };
		case "refused":
			return { ok: false, message: "Your own right was changed in the meantime. The rest was not saved." };
		case "unknown":
			return { ok: false, message: "A person or a location is gone. The rest was not saved: open the page again." };
	}
}

export default function SettingsPage() {
	const { settings } = useLoaderData<typeof loader>();
	const mayApprove = useAllowed("approve");
	const fetcher = useFetcher<Said>();
	const [draft, setDraft] = useState<Draft>({});
	useSaid(fetcher, (said) => said.ok && setDraft({}));
	const tester = useFetcher<Said>();
	useSaid(tester);
	const test = (address: string) =>
		tester.submit({ test: address, press: crypto.randomUUID() }, { method: "post", encType: "application/json" });
	const testing = tester.state === "idle" ? null : ((tester.json as { test?: string } | undefined)?.test ?? null);
	const change = (next: Partial<Draft>) => setDraft((now) => ({ ...now, ...next }));
	const save = () => fetcher.submit(JSON.stringify(toChange(draft)), { method: "post", encType: "application/json" });
	const card = { settings, draft, onDraft: change, disabled: !mayApprove };
	return (
		<AppPage title="Settings">
			<SaveBar
				id="edit-settings"
				open={Object.keys(draft).length > 0}
				saving={fetcher.state !== "idle"}
				disabled={isWrong(draft)}
				onSave={save}
				onDiscard={() => setDraft({})}
			/>
			<Layout>
				{!mayApprove && (
					<Layout.Section>
						<Banner title="You can look at the settings">
							<p>Changing them needs the right “Approve and connect”. Those who have it are listed under People.</p>
						</Banner>
					</Layout.Section>
				)}
				<Layout.AnnotatedSection title="Where stock is counted" description="The one place whose figures are read as the truth.">
					<CountedCard {...card} />
				</Layout.AnnotatedSection>
				<Layout.AnnotatedSection
					title="New channels"
					description="What a channel begins with when it is connected. Channels that are connected keep what they have: it is changed on their own pages."
				>
					<DefaultsCard {...card} />
				</Layout.AnnotatedSection>
				<Layout.AnnotatedSection
					title="Mass changes"
					description="A wrong feed or a slip of the hand in Shopify does not take your channels offline: beyond these numbers somebody is asked first. Sales are never held back."
				>
					<GuardsCard {...card} />
				</Layout.AnnotatedSection>
				<Layout.AnnotatedSection
					title="Oversells"
					description="What happens to a product that was sold and not there, once nothing of it is owed any more. Until then it shows 0 where it would be sold again."
				>
					<AfterOversellCard {...card} />
				</Layout.AnnotatedSection>
				<Layout.AnnotatedSection
					title="People"
					description="Shopify decides who may open Lockstep; here is what they may do in it. Each right includes those before it."
				>
					<PeopleCard {...card} />
				</Layout.AnnotatedSection>
				<Layout.AnnotatedSection
					title="E-mails"
					description="Be told when something needs you, and once a day how it went. Each alert is sent once, and once more when it is over."
				>
					<EmailsCard {...card} onTest={test} testing={testing} />
				</Layout.AnnotatedSection>
			</Layout>
		</AppPage>
	);
}

export const ErrorBoundary = () => <PageError title="Settings" />;
export const headers: HeadersFunction = (args) => boundary.headers(args);
