import path from "node:path";
import type pg from "pg";
import { buildApp } from "../scripts/build.ts";
import type { Bench, Goal, Measure } from "./harness.ts";
import { openAdmin } from "./pages/admin.ts";
import { type FilledPages, fillPages, type ShopSize } from "./pages/fill.ts";
import { handOf, PAGES } from "./pages/inputs.ts";
import { openBrowser, type Vitals, visit } from "./pages/visit.ts";

const PAIRS = 5;
/** 10,000 products on three channels, 30,000 listings, and 100,000 processed deliveries (two for each order). */
const LARGE: ShopSize = { products: 10_000, orders: 50_000 };
/** The same pages where there is nothing to look for: what they cost by themselves. */
const SMALLEST: ShopSize = { products: 1, orders: 1 };
const LCP_MS_MAX = 1_500;
const CLS_THOUSANDTHS_MAX = 20;
const INP_MS_MAX = 120;

/**
 * Every page of the app in the admin's frame, in a real Chromium on a processor slowed down four times, once in a large shop and
 * once in the smallest, each with a web process of its own on one database.
 *
 * The app's own share of LCP is counted from the moment the admin sets the frame's address until the frame's largest paint: our
 * answer, styles, script and drawing are all in it, the admin around it is not, and nothing is taken off. INP is the longest of
 * the presses and keys of pages/inputs.ts, from the input until the next paint. CLS is over the whole visit.
 */
export async function openPages(pool: pg.Pool, { databaseUrl, directory }: { databaseUrl: string; directory: string }): Promise<Bench> {
	await buildApp();
	const [large, smallest] = ["large-shop.myshopify.com", "smallest-shop.myshopify.com"];
	const largePages = await fillPages(pool, large, LARGE);
	const smallestPages = await fillPages(pool, smallest, SMALLEST);
	// What autovacuum does within a minute of so many rows.
	await pool.query("VACUUM ANALYZE");
	const ours = await openAdmin({ domain: large, databaseUrl, directory });
	const theirs = await openAdmin({ domain: smallest, databaseUrl, directory });
	const browser = await openBrowser();
	const measure = async (url: (page: string) => string, pages: FilledPages): Promise<Measure> => {
		let ms = 0;
		const also: Record<string, number> = {};
		for (const page of PAGES) {
			const vitals = await visit(browser, url(page.path(pages)), (opened, app) => page.act(handOf(opened, app))).catch((error: unknown) => {
				throw new Error(`The page "${page.name}" could not be measured; the logs are in ${path.resolve(directory)}`, { cause: error });
			});
			ms += vitals.lcp;
			Object.assign(also, figuresOf(page.name, vitals));
		}
		return { ms, also };
	};
	return {
		name: "pages",
		question: `The largest paints of ${PAGES.length} pages added up: a shop of ${LARGE.products} products against one of ${SMALLEST.products}`,
		floorMs: 100,
		pairs: PAIRS,
		ours: () => measure(ours.url, largePages),
		theirs: () => measure(theirs.url, smallestPages),
		goals: PAGES.flatMap(({ name }): Goal[] => [
			{ figure: `${name}: LCP`, atMost: LCP_MS_MAX },
			{ figure: `${name}: CLS ×1000`, atMost: CLS_THOUSANDTHS_MAX },
			{ figure: `${name}: INP`, atMost: INP_MS_MAX },
		]),
		async close() {
			await browser.close();
			await ours.stop();
			await theirs.stop();
		},
	};
}

const figuresOf = (name: string, { lcp, firstByte, cls, inp }: Vitals) => ({
	[`${name}: first byte`]: firstByte,
	[`${name}: LCP`]: lcp,
	[`${name}: CLS ×1000`]: cls * 1_000,
	[`${name}: INP`]: inp,
});
