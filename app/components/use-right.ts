import { useRouteLoaderData } from "@remix-run/react";
import { allows, type Right } from "#app/rights/right.ts";

/** May the reader do this? Only what is offered follows from it; each action asks on the server again. */
export function useAllowed(needed: Right): boolean {
	const layout = useRouteLoaderData<{ right: Right }>("routes/app");
	return allows(layout?.right ?? "look", needed);
}
