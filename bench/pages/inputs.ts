import { setTimeout as sleep } from "node:timers/promises";
import type { Frame, Locator, Page } from "playwright-core";
import type { FilledPages } from "./fill.ts";

/** A person looks between two presses; every press is painted by then, or its time says so. */
const LOOK_MS = 450;

export type MeasuredPage = { name: string; path(pages: FilledPages): string; act(hand: Hand): Promise<void> };
type Hand = ReturnType<typeof handOf>;

/** The page and what a person does there: press, type, choose, and at last open something. */
export const PAGES: readonly MeasuredPage[] = [
	{
		name: "overview",
		path: () => "/app",
		act: (hand) => hand.press(hand.app.locator(".Polaris-Page a").first()),
	},
	{
		name: "channels",
		path: () => "/app/channels",
		act: (hand) => hand.press(hand.link("Open WooCommerce")),
	},
	{
		name: "a channel",
		path: ({ channel }) => `/app/channels/${channel}`,
		act: (hand) => hand.press(hand.app.locator(".Polaris-Page a").first()),
	},
	{
		name: "stock",
		path: () => "/app/stock",
		async act(hand) {
			const choose = hand.app.locator("tbody .Polaris-IndexTable-Checkbox__Wrapper").first();
			await hand.press(choose);
			await hand.press(choose);
			await hand.press(hand.app.getByRole("tab", { name: "Not in step" }));
			await hand.press(hand.app.getByRole("tab", { name: "All" }));
			await hand.search("NW-");
			await hand.press(hand.app.locator("tbody a").first());
		},
	},
	{
		name: "a product",
		path: ({ item }) => `/app/items/${item}`,
		async act(hand) {
			await hand.press(hand.button(/Edit rule of/));
			await hand.choose(hand.app.getByLabel("How much is shown"), "ArrowDown");
		},
	},
	{
		name: "orders",
		path: () => "/app/orders",
		async act(hand) {
			await hand.search("1");
			await hand.press(hand.app.getByRole("button", { name: "Clear" }).first());
			await hand.press(hand.app.locator("tbody a").first());
		},
	},
	{
		name: "an order",
		path: ({ order }) => `/app/orders/${order}`,
		act: (hand) => hand.press(hand.app.locator(".Polaris-Page a").first()),
	},
	{
		name: "activity",
		path: () => "/app/activity",
		async act(hand) {
			await hand.press(hand.app.getByRole("tab", { name: "Rules" }));
			await hand.press(hand.app.getByRole("tab", { name: "All" }));
		},
	},
	{
		name: "settings",
		path: () => "/app/settings",
		async act(hand) {
			await hand.type(hand.app.getByLabel("Buffer"), "2");
			await hand.press(hand.app.getByText("Only these"));
		},
	},
	{
		name: "matching",
		path: ({ channel }) => `/app/channels/${channel}/matching`,
		async act(hand) {
			await hand.press(hand.app.getByRole("tab", { name: /^Linked/ }));
			await hand.search("NW-");
		},
	},
];

/** Presses and keys as the browser gets them from a mouse and a keyboard; nothing is called on the page. */
export function handOf(page: Page, app: Frame) {
	const press = async (target: Locator) => {
		// What is being replaced is not pressed by a person either.
		await app.locator('[aria-busy="true"]').first().waitFor({ state: "detached", timeout: 10_000 });
		await target.waitFor({ timeout: 10_000 });
		await target.scrollIntoViewIfNeeded();
		const box = await target.boundingBox();
		if (!box) throw new Error("There is nothing to press");
		await page.mouse.click(box.x + Math.min(box.width / 2, 60), box.y + box.height / 2, { delay: 30 });
		await sleep(LOOK_MS);
	};
	const type = async (target: Locator, text: string) => {
		await press(target);
		for (const key of text) {
			await page.keyboard.press(key, { delay: 20 });
			await sleep(60);
		}
		await sleep(LOOK_MS);
	};
	return {
		app,
		press,
		type,
		/** A list of choices as the keyboard moves through it: its own window with them is none of the page's. */
		async choose(target: Locator, key: string) {
			await target.focus();
			await page.keyboard.press(key, { delay: 20 });
			await sleep(LOOK_MS);
		},
		link: (name: string | RegExp) => app.getByRole("link", { name }).first(),
		button: (name: string | RegExp) => app.getByRole("button", { name }).first(),
		async search(text: string) {
			const open = app.getByRole("button", { name: /Search and filter/ });
			if ((await open.count()) > 0) await press(open.first());
			await type(app.getByRole("textbox").or(app.getByRole("searchbox")).first(), text);
		},
	};
}
