import type { Frame, FrameLocator, Page } from "playwright-core";
import { expect } from "vitest";
import { violationsOf } from "./accessibility.ts";
import { SELLER_CENTRAL } from "./journey-world.ts";
import { picturePath, type Stage } from "./stage.ts";

export type Size = { width: number; height: number; suffix: string };
/** Looks that a page broke off when it was left, and Chromium's wish that a slow machine had been faster. */
const NO_FAULT = /net::ERR_ABORTED|was preloaded using link preload/;

/** One browser that goes from page to page, through the admin and out of it, and looks at each as it passes. */
export type Walk = {
	page: Page;
	/** Whatever the app shows now, also after the browser has been away from the admin. */
	app: FrameLocator;
	go(path: string): Promise<void>;
	/** The page as it stands: accessible, no wider than the screen, and a picture of it; `alsoAs`: one among those of all pages. */
	see(name: string, alsoAs?: string): Promise<void>;
	/** A page that is not the app's: the channel's own. */
	seeOutside(name: string): Promise<void>;
	/** What was said to the console or went wrong, on all of the way. */
	complaints(): string[];
};

export async function openWalk(stage: Stage, { width, height, suffix }: Size): Promise<Walk> {
	const { page, complaints } = await stage.open({ width, height });
	const gateway = new URL(stage.gateway.url());
	// The real address of the channel's page leads a person's browser to its stand-in.
	await page.route(`https://${SELLER_CENTRAL}/**`, (route) => {
		const { pathname, search } = new URL(route.request().url());
		return route.fulfill({ status: 302, headers: { location: `http://${SELLER_CENTRAL}.localhost:${gateway.port}${pathname}${search}` } });
	});
	const frame = async (): Promise<Frame> => {
		const found = await (await page.waitForSelector("#app-frame")).contentFrame();
		if (!found) throw new Error("The admin shows no app");
		return found;
	};
	const check = async (name: string, seen: Frame, alsoAs?: string) => {
		const [wide, screen] = await seen.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
		await page.screenshot({ path: picturePath(`journey-${name}${suffix}`) });
		if (alsoAs) await page.screenshot({ path: picturePath(`${alsoAs}${suffix}`) });
		expect([name, wide, await violationsOf(seen)]).toEqual([name, screen, []]);
	};
	return {
		page,
		app: page.frameLocator("#app-frame"),
		go: async (path) => void (await page.goto(new URL(path, stage.gateway.url()).href)),
		see: async (name, alsoAs) => check(name, await frame(), alsoAs),
		seeOutside: async (name) => check(name, page.mainFrame()),
		complaints: () => complaints.filter((text) => !NO_FAULT.test(text)),
	};
}
