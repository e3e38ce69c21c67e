import { type LoaderFunctionArgs, redirect } from "@remix-run/node";
import { OpenFromShopify } from "../components/plain-page.tsx";

/** Shopify opens the app's address with the shop's name; everybody else is told where the app lives. */
export function loader({ request }: LoaderFunctionArgs) {
	const { search, searchParams } = new URL(request.url);
	if (searchParams.has("shop")) throw redirect(`/app${search}`);
	return null;
}

export default OpenFromShopify;
