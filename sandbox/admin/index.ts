import type { IncomingMessage, ServerResponse } from "node:http";
import type { World } from "../world.ts";
import { serveAsset } from "./assets.ts";
import { createFollower } from "./follow.ts";
import { layout } from "./layout.ts";
import type { AdminMarket } from "./market.ts";
import type { AdminPage, FormAction, Shown } from "./page.ts";
import { appPage } from "./pages/app.ts";
import { type Breakage, breakItPage } from "./pages/break-it.ts";
import { channelPage } from "./pages/channel.ts";
import { cutTheLine, faultsOf } from "./pages/faults.ts";
import { homePage } from "./pages/home.ts";
import { ordersPage } from "./pages/orders.ts";
import { productsPage } from "./pages/products.ts";
import { watchPage, watchStrip } from "./pages/watch.ts";
import { wrongFeed } from "./pages/wrong-feed.ts";
import { proxyApp } from "./proxy.ts";
import type { AdminShop } from "./shop.ts";

export type { AdminMarket, AdminMarketOrder, AdminOffer } from "./market.ts";
export type { AdminPage } from "./page.ts";
export type { Breakage } from "./pages/break-it.ts";
export type { AdminShop } from "./shop.ts";

export type AdminGatewayOptions = {
	shop: AdminShop;
	/** Shopify's session token for a member of the staff, valid for a minute. */
	mintSessionToken(staff: { shop: string; userId: string }): string;
	appPublicOrigin: string;
	/** Where the app listens now; it may move when it is killed and started again. */
	appLocalOrigin: () => string;
	/** What sells: named on the *Break it* page, each with its own faults. */
	channels: readonly { id: string; name: string }[];
	/** Channels beside Shopify that have a page of their own here, and a place in the menu. */
	markets?: readonly AdminMarket[];
	/** Pages that only the caller can make; they are told where the admin's pages begin. */
	pages?: readonly ((root: string) => AdminPage)[];
	/** What only the caller can break: killing a worker. */
	breakages?: readonly Breakage[];
	/** Played hosts with a page for people (the store on the other channel), linked in the menu. */
	stores?: readonly { name: string; host: string }[];
};

/** What the app's environment variable APP_BRIDGE_URL must say, once the world listens. */
export type AdminGateway = { appBridgeUrl(): string; url(): string };

const APP = { name: "Lockstep", handle: "lockstep" };
const APP_BRIDGE_PATH = "/app-bridge.js";
const STAFF = { id: "548380009", name: "Sam Rivera", email: "sam@example.com" };
/** A form of this admin is a few fields. */
const FORM_BYTES_MAX = 16_384;

/**
 * A shop's admin as a person's browser sees it, at the sandbox's own address: a few pages of Shopify's own (products, orders),
 * the app in its frame, a page for each channel beside it, and one to break things. Every address that is not the admin's own is the app's.
 */
export function createAdminGateway(world: World, options: AdminGatewayOptions): AdminGateway {
	const { shop, appPublicOrigin } = options;
	const handle = shop.domain.replace(/\.myshopify\.com$/, "");
	const root = `/store/${handle}`;
	const { channels, markets = [] } = options;
	const follower = createFollower(world, channels, shop.variants().find(({ sku }) => sku !== "")?.sku ?? "");
	const faults = channels.flatMap((channel) => [
		...faultsOf(world, channel),
		...(markets.find(({ id }) => id === channel.id)?.breakages ?? []),
	]);
	const broken = [wrongFeed(world, shop), ...faults, ...(options.breakages ?? []), cutTheLine(world, channels)];
	const pages: AdminPage[] = [
		homePage({ world, shop, markets, follower, root }),
		ordersPage(shop, root, follower),
		productsPage(shop, root, follower),
		...markets.map((market) => channelPage(market, root, { follower, broken: faults.filter(({ group }) => group === market.name) })),
		watchPage(shop, follower),
		breakItPage({ world, root, channels, broken }),
		...(options.pages ?? []).map((open) => open(root)),
	];
	const app = { path: `/apps/${APP.handle}`, menu: { group: "apps" as const, icon: "lockstep" as const, label: APP.name } };
	const pageOf = (path: string) => pages.find((page) => path === page.path || path.startsWith(`${page.path}/`));
	const linkTo = ({ name, host }: { name: string; host: string }) => ({
		label: name,
		url: `http://${host}.localhost:${new URL(world.origin()).port}/`,
	});
	const answer = (response: ServerResponse, path: string, shown: Shown) => {
		response.writeHead(200, PAGE_HEADERS);
		if ("fragment" in shown) return void response.end(shown.fragment.html);
		const links = (options.stores ?? []).map(linkTo);
		const chrome = { shopName: shop.name, root, pages: [...pages, app], links, skus: shop.variants(), strip: watchStrip(root, follower) };
		response.end(layout(chrome, { ...shown, path, isApp: path === app.path }));
	};
	const frameAddress = (path: string, query: URLSearchParams) => {
		const target = new URL(path === "" || path === "/" ? "/app" : path, appPublicOrigin);
		for (const [name, value] of query) target.searchParams.set(name, value);
		target.searchParams.set("embedded", "1");
		target.searchParams.set("shop", shop.domain);
		target.searchParams.set("host", Buffer.from(`admin.shopify.com/store/${handle}`).toString("base64").replace(/=+$/, ""));
		target.searchParams.set("locale", "en-US");
		target.searchParams.set("id_token", options.mintSessionToken({ shop: shop.domain, userId: STAFF.id }));
		return `${target.pathname}${target.search}`;
	};

	const staff = (response: ServerResponse) =>
		response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(STAFF_FOR_APP));

	world.serveBrowser(async (request, response) => {
		const url = new URL(request.url ?? "/", world.origin());
		if (url.pathname === APP_BRIDGE_PATH || url.pathname.startsWith("/admin-assets/")) return serveAsset(url.pathname, response);
		if (url.pathname === "/") return void response.writeHead(302, { location: `${root}/apps/${APP.handle}` }).end();
		if (url.pathname !== root && !url.pathname.startsWith(`${root}/`)) {
			return proxyApp(request, response, {
				publicOrigin: appPublicOrigin,
				localOrigin: options.appLocalOrigin,
				browserOrigin: world.origin,
				adminOrigin: "https://admin.shopify.com",
				appBridgePath: APP_BRIDGE_PATH,
				appPagePath: `${root}/apps/${APP.handle}`,
			});
		}
		const path = url.pathname.slice(root.length);
		if (request.method === "POST") {
			// Other sites' pages must not press our buttons through a visitor's browser.
			if (request.headers["sec-fetch-site"] !== undefined && request.headers["sec-fetch-site"] !== "same-origin")
				return void response.writeHead(403).end();
			if (path === "/session-token") {
				const token = options.mintSessionToken({ shop: shop.domain, userId: STAFF.id });
				return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(token));
			}
			const page = pageOf(path);
			const form = page?.forms?.[path.slice(page.path.length)];
			return form ? answerForm(request, response, form) : void response.writeHead(404).end();
		}
		if (path === "" || path === "/") return void response.writeHead(302, { location: `${root}/home` }).end();
		if (path === "/staff") return void staff(response);
		const inApp = path === app.path ? "" : path.startsWith(`${app.path}/`) ? path.slice(app.path.length) : null;
		if (inApp !== null) {
			const frame = { src: frameAddress(inApp, url.searchParams), root, publicOrigin: appPublicOrigin, app: APP };
			return answer(response, app.path, { title: APP.name, body: appPage(frame) });
		}
		const page = pageOf(path);
		const shown = page?.show(path.slice(page.path.length), url);
		if (page && shown) return answer(response, page.path, shown);
		response.writeHead(404, { "content-type": "text/plain" }).end("This admin has no such page\n");
	});

	return {
		appBridgeUrl: () => `${world.origin()}${APP_BRIDGE_PATH}?app-origin=${encodeURIComponent(appPublicOrigin)}`,
		url: () => `${world.origin()}${root}/apps/${APP.handle}`,
	};
}

const PAGE_HEADERS = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
const STAFF_FOR_APP = { id: Number(STAFF.id), name: STAFF.name, email: STAFF.email, accountAccess: "Full access" };

/** A form's answer is one sentence for a toast; a refusal is thrown and shown as such. */
async function answerForm(request: IncomingMessage, response: ServerResponse, act: FormAction): Promise<void> {
	let body = "";
	for await (const chunk of request.setEncoding("utf8")) {
		body += chunk as string;
		if (body.length > FORM_BYTES_MAX) return void response.writeHead(413).end();
	}
	const plain = { "content-type": "text/plain; charset=utf-8" };
	try {
		const said = await act(new URLSearchParams(body));
		response.writeHead(200, plain).end(said);
	} catch (error) {
		response.writeHead(422, plain).end(error instanceof Error ? error.message : String(error));
	}
}
