import type { Chosen } from "#app/replay/index.ts";
import { readFailedRequest } from "./read-failed.ts";

/** A page of the list is the most that can be chosen one by one. */
export const CHOSEN_MAX = 50;

/**
 * Which failures an address means: some by their ids, or all that match its filters and were there when they were counted (`through`).
 * Where nothing of that can be read, none.
 */
export function readChosen(params: URLSearchParams): Chosen {
	const ids = params.getAll("id").map(Number);
	if (ids.length > 0) return { ids: ids.filter((id) => Number.isSafeInteger(id) && id > 0).slice(0, CHOSEN_MAX) };
	const through = Number(params.get("through"));
	return { filter: readFailedRequest(params), throughId: Number.isSafeInteger(through) ? through : 0 };
}
