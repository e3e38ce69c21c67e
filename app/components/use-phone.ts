import { useRouteLoaderData } from "@remix-run/react";
import { useBreakpoints } from "@shopify/polaris";

/**
 * Is the page as narrow as a phone? The server guesses from what the browser says of itself, so that a phone is sent the page as it
 * will stay; where the guess is wrong (a narrow window on a desktop) the first look in the browser corrects it.
 */
export function usePhone(): boolean {
	return useBreakpoints({ defaults: { smDown: useGuessedPhone() } }).smDown;
}

export function useGuessedPhone(): boolean {
	return useRouteLoaderData<{ phone: boolean }>("routes/app")?.phone ?? false;
}
