import type { HeadersFunction, LinksFunction, LoaderFunctionArgs, MetaFunction } from "@remix-run/node";
import { Outlet, type ShouldRevalidateFunctionArgs, useLoaderData, useNavigation } from "@remix-run/react";
import { AppProvider } from "@shopify/shopify-app-remix/react";
import { boundary } from "@shopify/shopify-app-remix/server";
import { useEffect } from "react";
import { requireRight } from "#app/authenticate.server.ts";
import { shopify } from "#app/shopify.server.ts";
import { LayoutError } from "../components/route-error.tsx";
import styles from "../styles.css?url";

export const links: LinksFunction = () => [{ rel: "stylesheet", href: styles }];

/** Of the frame's own document; the admin shows each page's title outside. */
export const meta: MetaFunction = () => [{ title: "Lockstep" }];

export async function loader({ request }: LoaderFunctionArgs) {
	const { right } = await requireRight(request, "look");
	const { apiKey, appBridgeUrl } = shopify();
	return { apiKey, appBridgeUrl: appBridgeUrl ?? null, right, phone: isPhone(request.headers) };
}

/** Chrome says so in a header of its own, everybody else in the user agent (Mozilla's advice on detecting phones: "Mobi"). */
const isPhone = (headers: Headers) => headers.get("sec-ch-ua-mobile") === "?1" || /Mobi/.test(headers.get("user-agent") ?? "");

/** What it holds changes with a press at most (one's own right), never with a filter or a look at the figures. */
export const shouldRevalidate = ({ formMethod }: ShouldRevalidateFunctionArgs) => formMethod !== undefined;

/** The frame's content: Polaris inside, and the menu that Shopify's admin shows outside. */
export default function App() {
	const { apiKey, appBridgeUrl } = useLoaderData<typeof loader>();
	return (
		<AppProvider isEmbeddedApp apiKey={apiKey} {...(appBridgeUrl ? { __APP_BRIDGE_URL: appBridgeUrl } : {})}>
			<s-app-nav>
				<s-link href="/app" rel="home">
					Overview
				</s-link>
				<s-link href="/app/channels">Channels</s-link>
				<s-link href="/app/stock">Stock</s-link>
				<s-link href="/app/bulk-changes">Bulk changes</s-link>
				<s-link href="/app/orders">Orders</s-link>
				<s-link href="/app/oversells">Oversells</s-link>
				<s-link href="/app/failed-updates">Failed updates</s-link>
				<s-link href="/app/checks">Checks</s-link>
				<s-link href="/app/activity">Activity</s-link>
				<s-link href="/app/settings">Settings</s-link>
			</s-app-nav>
			<LoadingLine />
			<Outlet />
		</AppProvider>
	);
}

/** The admin's own line at the top while a page of ours is on its way. */
function LoadingLine() {
	const isLoading = useNavigation().state !== "idle";
	useEffect(() => {
		if (isLoading) window.shopify?.loading(true);
		return () => window.shopify?.loading(false);
	}, [isLoading]);
	return null;
}

export const ErrorBoundary = LayoutError;
export const headers: HeadersFunction = (args) => boundary.headers(args);
