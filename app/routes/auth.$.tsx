import type { HeadersFunction, LoaderFunctionArgs } from "@remix-run/node";
import { boundary } from "@shopify/shopify-app-remix/server";
import { answerAuthRequest } from "#app/authenticate.server.ts";

export async function loader({ request }: LoaderFunctionArgs) {
	await answerAuthRequest(request);
	return null;
}

export const headers: HeadersFunction = (args) => boundary.headers(args);
