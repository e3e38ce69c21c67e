import type { Market } from "./markets/market.ts";
import { type Outside, SHOP_DOMAIN } from "./outside.ts";
import type { App } from "./processes.ts";

/** What every demo does with a running app, as the merchant and the operator would. */
export const STAFF_ID = 548_380_009;
const IMPORT_MS = 120_000;
/** In step counts when it lasts: a late write may still be on its way. */
const CALM_MS = 2_000;

/** A member of the staff opens the app for the first time: this is the installation. */
export async function openTheApp(outside: Outside, origin: string): Promise<void> {
	const handle = SHOP_DOMAIN.replace(".myshopify.com", "");
	const query = new URLSearchParams({
		embedded: "1",
		shop: SHOP_DOMAIN,
		host: Buffer.from(`admin.shopify.com/store/${handle}`).toString("base64"),
		id_token: outside.shopify.mintSessionToken({ shop: SHOP_DOMAIN, userId: STAFF_ID }),
	});
	const answer = await fetch(`${origin}/app?${query}`, {
		headers: {
			"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
			"x-forwarded-proto": "https",
			accept: "text/html",
		},
		redirect: "manual",
	});
	if (answer.status !== 200) throw new Error(`Opening the app answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
}

/** The operator's view of the first import; the sandbox cannot see into the app. Resolves with the number of items read. */
export async function untilImported(running: App): Promise<number> {
	const until = Date.now() + IMPORT_MS;
	for (;;) {
		const said = await running.run("scripts/shops.ts", []);
		const shops: { domain: string; import: string; done: number; total: number; error: string | null }[] = JSON.parse(said);
		const shop = shops.find((s) => s.domain === SHOP_DOMAIN);
		if (shop?.import === "done") return shop.done;
		if (shop?.import === "failed") throw new Error(`The first import failed: ${shop.error}`);
		if (Date.now() > until) throw new Error(`The first import is not done after ${IMPORT_MS / 1000} s: ${JSON.stringify(shop)}`);
		await new Promise((resolve) => setTimeout(resolve, 500));
	}
}

/** Matching SKUs, watch mode, dry run, go live; what the matching and the dry run said. */
export async function connectMarket(running: App, market: Market): Promise<string[]> {
	const said = await running.run("scripts/connect.ts", [
		...["--shop", SHOP_DOMAIN, "--channel", market.channel, ...(await market.connectArgs()), "--go-live"],
	]);
	return said
		.trim()
		.split("\n")
		.flatMap((line) => {
			const { step, detail } = JSON.parse(line);
			if (step === "matching") return `matched ${detail.exact} by SKU, ${detail.near} look alike, ${detail.ambiguous} ambiguous`;
			if (step === "dry-run") return `the first push changes ${detail.changes} of ${detail.listings} listings, ${detail.toZero} go to zero`;
			return [];
		});
}

export type OutOfStep = { channel: string; sku: string; shown: number; expected: number };

/** Which channel shows what it should not, by the books. `mayLag`: what nobody can bring into step. */
export function whatIsOutOfStep(outside: Outside, mayLag: (channel: string, sku: string) => boolean = () => false): OutOfStep[] {
	const { books } = outside.world;
	return [
		...outside.markets.flatMap(({ id }) => books.outOfStep(id).map((wrong) => ({ channel: id, ...wrong }))),
		...books
			.skus()
			.flatMap((sku) =>
				outside.available(sku) === books.truth(sku)
					? []
					: [{ channel: "shopify", sku, shown: outside.available(sku), expected: books.truth(sku) }],
			),
	].filter(({ channel, sku }) => !mayLag(channel, sku));
}

/** Every channel shows what there is, and goes on doing so for a moment; or the time is up, and the answer is what is not in step. */
export async function untilInStep(
	outside: Outside,
	{ withinMs, mayLag }: { withinMs: number; mayLag?: (channel: string, sku: string) => boolean },
): Promise<OutOfStep[]> {
	const until = Date.now() + withinMs;
	let calmSince = 0;
	for (;;) {
		const wrong = whatIsOutOfStep(outside, mayLag);
		if (wrong.length > 0 || outside.markets.some((market) => market.waiting() > 0)) calmSince = 0;
		else calmSince ||= Date.now();
		if (calmSince > 0 && Date.now() - calmSince > CALM_MS) return [];
		if (Date.now() > until) return wrong;
		await outside.world.clock.sleep(100);
	}
}

export const sayOutOfStep = (wrong: readonly OutOfStep[]): string =>
	wrong
		.slice(0, 5)
		.map(({ channel, sku, shown, expected }) => `${sku} at ${channel} shows ${shown}, should ${expected}`)
		.join("; ");
