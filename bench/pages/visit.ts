import { setTimeout as sleep } from "node:timers/promises";
import { type Browser, chromium, type Frame, type Page } from "playwright-core";

const CPU_SLOWER = 4;
const WINDOW = { width: 1360, height: 900 };
/** An honest one: `isbot` takes headless Chrome's own for a bot, and the app then answers 410. */
const USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
/** The page is taken as finished when nothing new was painted for so long. */
const QUIET_MS = 700;
const SETTLE_MAX_MS = 20_000;

export type Vitals = { lcp: number; firstByte: number; cls: number; inp: number };

/** What one press or key press was answered in, kept in the frame by `watch`. */
type Watched = { lcp: number; shifts: { at: number; by: number }[]; taps: Record<string, number>; lastAt: number };
declare global {
	interface Window {
		benchVitals?: Watched;
	}
}

export const openBrowser = (): Promise<Browser> =>
	chromium.launch({
		executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
		args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
	});

/**
 * One visit with nothing in the browser's cache, on a processor slowed down to a quarter. All three figures are the app's frame's
 * own: its clock starts when the admin sets the frame's address, so the admin's own loading is in none of them.
 */
export async function visit(browser: Browser, url: string, act: (page: Page, app: Frame) => Promise<void>): Promise<Vitals> {
	const context = await browser.newContext({ viewport: WINDOW, userAgent: USER_AGENT });
	try {
		await context.addInitScript(watch);
		const page = await context.newPage();
		const cdp = await context.newCDPSession(page);
		await cdp.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWER });
		await page.goto(url);
		const app = await (await page.waitForSelector("#app-frame")).contentFrame();
		if (!app) throw new Error("The admin has no frame");
		await settle(app);
		// The first press ends what counts as the largest paint, so it is taken before.
		const { lcp, firstByte } = await app.evaluate(() => ({
			lcp: window.benchVitals?.lcp ?? 0,
			firstByte: (performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming).responseStart,
		}));
		if (lcp === 0) throw new Error(`${url} painted nothing: ${await app.locator("body").innerText()}`);
		await act(page, app);
		await sleep(QUIET_MS);
		const { shifts, taps } = (await app.evaluate(() => window.benchVitals)) as Watched;
		return { lcp, firstByte, cls: worstWindow(shifts), inp: Math.max(0, ...Object.values(taps)) };
	} finally {
		await context.close();
	}
}

async function settle(app: Frame): Promise<void> {
	await app.waitForLoadState("load");
	const until = Date.now() + SETTLE_MAX_MS;
	while (Date.now() < until) {
		const quietMs = await app.evaluate(() =>
			document.readyState === "complete" ? performance.now() - (window.benchVitals?.lastAt ?? 0) : 0,
		);
		const isInteractive = await app.evaluate(() =>
			Object.keys(document.body.firstElementChild ?? {}).some((key) => key.startsWith("__react")),
		);
		if (quietMs > QUIET_MS && isInteractive) return;
		await sleep(100);
	}
	throw new Error("The page did not come to rest");
}

/** Runs in every frame before anything else; must not name anything outside of itself. */
function watch(): void {
	const seen: Watched = { lcp: 0, shifts: [], taps: {}, lastAt: 0 };
	window.benchVitals = seen;
	const observe = (type: string, take: (entry: PerformanceEntry) => void, more = {}) =>
		new PerformanceObserver((list) => {
			for (const entry of list.getEntries()) take(entry);
		}).observe({ type, buffered: true, ...more });
	observe("largest-contentful-paint", (entry) => {
		seen.lcp = entry.startTime;
		seen.lastAt = performance.now();
	});
	// Which shifts follow an input Chromium tells by the focused frame of a process. The admin's and the app's are one process here
	// and two in Shopify's admin, so that presses in the frame are missed here: the half second after an input is counted by hand.
	// https://wicg.github.io/layout-instability/#has-recent-input-flag
	const inputsAt: number[] = [];
	const noteInput = ({ timeStamp }: Event) => inputsAt.push(timeStamp);
	for (const type of ["mousedown", "keydown"]) addEventListener(type, noteInput, { capture: true, passive: true });
	observe("layout-shift", (entry) => {
		const { value, hadRecentInput } = entry as unknown as { value: number; hadRecentInput: boolean };
		seen.lastAt = performance.now();
		const isAnswer = hadRecentInput || inputsAt.some((at) => entry.startTime >= at && entry.startTime - at <= 500);
		if (!isAnswer) seen.shifts.push({ at: entry.startTime, by: value });
	});
	observe("longtask", () => {
		seen.lastAt = performance.now();
	});
	// Several events make one interaction (pointerdown, pointerup, click); the longest of them is its time.
	observe(
		"event",
		(entry) => {
			const { interactionId } = entry as unknown as { interactionId: number };
			if (interactionId > 0) seen.taps[interactionId] = Math.max(seen.taps[interactionId] ?? 0, entry.duration);
		},
		{ durationThreshold: 16 },
	);
}

/** As CLS is defined: the worst group of shifts less than a second apart, at most five seconds long. */
function worstWindow(shifts: Watched["shifts"]): number {
	let worst = 0;
	let sum = 0;
	let from = 0;
	let last = Number.NEGATIVE_INFINITY;
	for (const { at, by } of shifts) {
		if (at - last > 1_000 || at - from > 5_000) [sum, from] = [0, at];
		sum += by;
		last = at;
		worst = Math.max(worst, sum);
	}
	return worst;
}
