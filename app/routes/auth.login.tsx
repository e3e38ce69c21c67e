import type { LoaderFunctionArgs } from "@remix-run/node";
import { shopify } from "#app/shopify.server.ts";
import { OpenFromShopify } from "../components/plain-page.tsx";

/** Where requests without a valid shop end. With one, Shopify's install page follows; we never ask for a shop's name ourselves. */
export async function loader({ request }: LoaderFunctionArgs) {
	if (new URL(request.url).searchParams.has("shop")) await shopify().login(request);
	return null;
}

export default OpenFromShopify;
