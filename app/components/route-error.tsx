import { isRouteErrorResponse, useRevalidator, useRouteError } from "@remix-run/react";
import { Banner, Card, Text } from "@shopify/polaris";
import { LockIcon, SearchIcon } from "@shopify/polaris-icons";
import { isMissingRight, type MissingRight, sayMissingRight } from "#app/rights/right.ts";
import { AppPage } from "./app-page.tsx";
import { Empty } from "./empty.tsx";
import { PlainPage } from "./plain-page.tsx";

/** For pages inside the app's layout: what went wrong and one way on, within Polaris. */
export function PageError({ title, gone = GONE }: { title: string; gone?: Gone }) {
	const error = useRouteError();
	const revalidator = useRevalidator();
	if (isRouteErrorResponse(error) && isMissingRight(error.data)) return <NoRight title={title} missing={error.data} />;
	if (isRouteErrorResponse(error) && error.status === 404) return <NotThere title={title} gone={gone} />;
	if (isShopifysAnswer(error)) return <ShopifysAnswer html={error.data} />;
	return (
		<AppPage title={title}>
			<Banner
				tone="critical"
				title="This page could not be loaded"
				action={{ content: "Try again", loading: revalidator.state === "loading", onAction: () => revalidator.revalidate() }}
			>
				<p>Your stock keeps being synced in the meantime: only this page is affected.</p>
			</Banner>
		</AppPage>
	);
}

function NoRight({ title, missing }: { title: string; missing: MissingRight }) {
	const { what, who } = sayMissingRight(missing);
	return (
		<AppPage title={title}>
			<Card>
				<Empty icon={LockIcon} heading="You need another right for this page" action={{ content: "Go to the overview", url: "/app" }}>
					<Text as="p" alignment="center">
						{what}
					</Text>
					<Text as="p" alignment="center">
						{who}
					</Text>
				</Empty>
			</Card>
		</AppPage>
	);
}

type Gone = { heading: string; why: string; action: { content: string; url: string } };
const GONE: Gone = {
	heading: "This is not here",
	why: "It may have been deleted in Shopify, or its channel was disconnected.",
	action: { content: "Go to the overview", url: "/app" },
};

/** Deleted meanwhile, or never this shop's: the answer is the same, and says nothing of other shops. */
function NotThere({ title, gone }: { title: string; gone: Gone }) {
	return (
		<AppPage title={title}>
			<Card>
				<Empty icon={SearchIcon} heading={gone.heading} action={gone.action}>
					{gone.why}
				</Empty>
			</Card>
		</AppPage>
	);
}

/** For the layout itself and addresses that do not exist: no Polaris provider there. */
export function LayoutError() {
	const error = useRouteError();
	if (isRouteErrorResponse(error) && isMissingRight(error.data)) {
		const { what, who } = sayMissingRight(error.data);
		return <PlainPage title="You need another right for this page">{`${what} ${who}`}</PlainPage>;
	}
	if (isRouteErrorResponse(error) && error.status === 404) return <PlainPage title="Lockstep">There is no such page.</PlainPage>;
	if (isShopifysAnswer(error)) return <ShopifysAnswer html={error.data} />;
	return (
		<PlainPage title="Lockstep could not be opened">
			Shopify or our server did not answer in time. Your stock keeps being synced in the meantime. Please reload this page.
		</PlainPage>
	);
}

/**
 * Shopify's library answers some requests with a small page of its own (one that fetches a session token, or leaves the frame);
 * it is thrown, and must be shown exactly as it is.
 */
function ShopifysAnswer({ html }: { html: string }) {
	// biome-ignore lint/security/noDangerouslySetInnerHtml: the page is the library's, made of our own key and sanitised addresses
	return <div dangerouslySetInnerHTML={{ __html: html || "One moment…" }} />;
}

const isShopifysAnswer = (error: unknown): error is { data: string } => isRouteErrorResponse(error) && error.status < 500;
