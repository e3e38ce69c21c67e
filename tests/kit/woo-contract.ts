import { existsSync, readdirSync, readFileSync } from "node:fs";

/** What a real WooCommerce 11.0.1 said, recorded; it lies beside the repository on machines that have it. */
const FOLDER = new URL("../../../shared/contracts/woocommerce/", import.meta.url);
export const hasContract = existsSync(FOLDER);
if (!hasContract) console.warn(`Not run: the recorded WooCommerce contract is not at ${FOLDER.pathname}`);

export type Step = {
	note: string | null;
	at: string;
	request: {
		method: string;
		scheme: string;
		path: string;
		query: Record<string, string | number>;
		headers: Record<string, string>;
		body: unknown;
	};
	response: { status: number; headers: Record<string, string>; body: unknown };
};
export type Delivery = { request: { headers: Record<string, string>; raw_body: string }; secret: string };

export const readContract = <T>(path: string): T => JSON.parse(readFileSync(new URL(path, FOLDER), "utf8")) as T;
export const recording = (name: string): Step[] => readContract<{ steps: Step[] }>(`recorded-11.0.1/${name}.json`).steps;
export const recordings = (prefix: string): string[] =>
	readdirSync(new URL("recorded-11.0.1/", FOLDER))
		.filter((name) => name.startsWith(prefix) && name.endsWith(".json"))
		.map((name) => name.slice(0, -5));

/** Every delivery in the folder, wherever its file keeps it. */
export function recordedDeliveries(): { file: string; delivery: Delivery }[] {
	const found: { file: string; delivery: Delivery }[] = [];
	const walk = (file: string, value: unknown): void => {
		if (typeof value !== "object" || value === null) return;
		const { request, secret } = value as Partial<Delivery>;
		if (typeof secret === "string" && typeof request?.raw_body === "string") found.push({ file, delivery: value as Delivery });
		else for (const inner of Object.values(value)) walk(file, inner);
	};
	for (const name of readdirSync(new URL("recorded-11.0.1/webhooks/", FOLDER))) {
		walk(name, readContract(`recorded-11.0.1/webhooks/${name}`));
	}
	return found;
}
