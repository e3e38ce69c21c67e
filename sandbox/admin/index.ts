import type { IncomingMessage, ServerResponse } from "node:http";
import type { World } from "../world.ts";
import { serveAsset } from "./assets.ts";
import type { html } from "./html.ts";
import { type Chrome, layout, type PageName } from "./layout.ts";
import { appPage } from "./pages/app.ts";
import { type Breakage, breakages, breakItFigures, breakItPage } from "./pages/break-it.ts";
import { orderRows, ordersPage, placeOrder } from "./pages/orders.ts";
import { editStock, productRows, productsPage } from "./pages/products.ts";
import { proxyApp } from "./proxy.ts";
import type { AdminShop } from "./shop.ts";

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
 * the app in its frame, and a page to break things. Every address that is not the admin's own is the app's.
 */
export function createAdminGateway(world: World, options: AdminGatewayOptions): AdminGateway {
	const { shop, appPublicOrigin } = options;
	const handle = shop.domain.replace(/\.myshopify\.com$/, "");
	const root = `/store/${handle}`;
	const chrome = (): Chrome => ({ shopName: shop.name, root, app: APP, links: (options.stores ?? []).map(linkTo) });
	const linkTo = ({ name, host }: { name: string; host: string }) => ({
		label: name,
		url: `http://${host}.localhost:${new URL(world.origin()).port}/`,
	});
	const broken = [...breakages(world, options.channels), ...(options.breakages ?? [])];
	const page = (response: ServerResponse, name: PageName, title: string, body: ReturnType<typeof html>) =>
		response.writeHead(200, PAGE_HEADERS).end(layout(chrome(), { name, title, body }));
	const fragment = (response: ServerResponse, body: ReturnType<typeof html>) => response.writeHead(200, PAGE_HEADERS).end(body.html);
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

	const ownPages: Record<string, (response: ServerResponse, url: URL) => void> = {
		"/products": (response, url) => page(response, "products", "Products", productsPage(shop, root, url)),
		"/products/rows": (response, url) => fragment(response, productRows(shop, root, url)),
		"/orders": (response, url) => page(response, "orders", "Orders", ordersPage(shop, root, url)),
		"/orders/rows": (response, url) => fragment(response, orderRows(shop, url)),
		"/break-it": (response) => page(response, "break-it", "Break it", breakItPage(world, root, options.channels, broken)),
		"/break-it/figures": (response) => fragment(response, breakItFigures(world, root, options.channels, broken)),
		"/staff": (response) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(STAFF_FOR_APP)),
	};
	const ownForms: Record<string, (form: URLSearchParams) => Promise<string> | string> = {
		"/products/stock": (form) => editStock(shop, form),
		"/orders/place": (form) => placeOrder(shop, form),
		"/break-it": async (form) => (await broken.find(({ id }) => id === form.get("id"))?.press()) ?? refuse("There is no such button"),
	};

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
			const form = ownForms[path];
			return form ? answerForm(request, response, form) : void response.writeHead(404).end();
		}
		if (path === "" || path === "/") return void response.writeHead(302, { location: `${root}/apps/${APP.handle}` }).end();
		const inApp =
			path === `/apps/${APP.handle}` ? "" : path.startsWith(`/apps/${APP.handle}/`) ? path.slice(`/apps/${APP.handle}`.length) : null;
		if (inApp !== null) {
			const frame = { src: frameAddress(inApp, url.searchParams), root, publicOrigin: appPublicOrigin, app: APP };
			page(response, "app", APP.name, appPage(frame));
		} else if (ownPages[path]) ownPages[path](response, url);
		else response.writeHead(404, { "content-type": "text/plain" }).end("This admin has no such page\n");
	});

	return {
		appBridgeUrl: () => `${world.origin()}${APP_BRIDGE_PATH}?app-origin=${encodeURIComponent(appPublicOrigin)}`,
		url: () => `${world.origin()}${root}/apps/${APP.handle}`,
	};
}

const PAGE_HEADERS = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
const STAFF_FOR_APP = { id: Number(STAFF.id), name: STAFF.name, email: STAFF.email, accountAccess: "Full access" };

/** A form's answer is one sentence for a toast; a refusal is thrown and shown as such. */
async function answerForm(
	request: IncomingMessage,
	response: ServerResponse,
	act: (form: URLSearchParams) => Promise<string> | string,
): Promise<void> {
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

function refuse(sentence: string): never {
	throw new Error(sentence);
}
