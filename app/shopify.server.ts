import "@shopify/shopify-app-remix/adapters/node";
import { createHmac } from "node:crypto";
import type { Session } from "@shopify/shopify-api";
import { setAbstractFetchFunc } from "@shopify/shopify-api/runtime";
import { ApiVersion, AppDistribution, LogSeverity, shopifyApp } from "@shopify/shopify-app-remix/server";
import type { SessionStorage } from "@shopify/shopify-app-session-storage";
import { equalBytes } from "#app/crypto.server.ts";

export type ShopifyOptions = {
	apiKey: string;
	/** The present secret, and the one before it while Shopify rotates. */
	apiSecrets: readonly [string, ...string[]];
	/** Where merchants' browsers reach the app. */
	appUrl: string;
	/** Another App Bridge than Shopify's: the sandbox's. */
	appBridgeUrl?: string | undefined;
	sessionStorage: SessionStorage;
	/** Called at a shop's first sight, its return after an uninstall, and whenever it gave us a new token. May be called twice. */
	onShopAuthenticated: (shop: { shopDomain: string; session: Session }) => Promise<unknown>;
};

/** The token exchange stands between the merchant and the page: past this they are better served by an error and a retry. */
const SHOPIFY_TIMEOUT_MS = 10_000;

let opened: Shopify | undefined;
type Shopify = ReturnType<typeof createShopify>;

/** The process's Shopify library, opened once at start like its database; the Remix build loads this very module. */
export function openShopify(options: ShopifyOptions): void {
	if (opened) throw new Error("Shopify's library is opened already: it serves the whole process.");
	opened = createShopify(options);
}

export function shopify(): Shopify {
	if (!opened) throw new Error("Shopify's library is used before openShopify() was called.");
	return opened;
}

/**
 * Who is asking, and from which shop. Webhooks, the Admin API and refreshing tokens in the background are ours (`#ingest`,
 * `#channels`, `#connections`), so nothing else of the library is used.
 */
function createShopify({ apiKey, apiSecrets, appUrl, appBridgeUrl, sessionStorage, onShopAuthenticated }: ShopifyOptions) {
	const shopAuthenticated = async (session: Session) => {
		await onShopAuthenticated({ shopDomain: session.shop, session });
	};
	setAbstractFetchFunc((url, init) => fetch(url, { ...init, signal: AbortSignal.timeout(SHOPIFY_TIMEOUT_MS) }));
	// The library knows one secret; while two are good there is one library for each.
	const libraries = apiSecrets.map((apiSecretKey) => ({ apiSecretKey, ...openLibrary(apiSecretKey) }));
	const [library] = libraries as [(typeof libraries)[number]];

	function openLibrary(apiSecretKey: string) {
		return shopifyApp({
			apiKey,
			apiSecretKey,
			appUrl,
			apiVersion: ApiVersion.October26,
			distribution: AppDistribution.AppStore,
			isEmbeddedApp: true,
			useOnlineTokens: false,
			sessionStorage,
			future: { unstable_newEmbeddedAuthStrategy: true, expiringOfflineAccessTokens: true },
			hooks: { afterAuth: ({ session }) => shopAuthenticated(session) },
			// Its debug lines quote session tokens; warnings do not.
			logger: { level: LogSeverity.Warning },
		});
	}

	return {
		apiKey,
		appBridgeUrl,
		authenticate: (request: Request) =>
			(libraries.find(({ apiSecretKey }) => isSignedWith(apiSecretKey, sessionTokenOf(request))) ?? library).authenticate.admin(request),
		/** Leads a visitor who names a shop to Shopify's own install page. */
		login: library.login,
		/** The one place where a shop that has just given us a token is handed on. */
		shopAuthenticated,
		/** Which page may frame ours: this shop's admin, and nobody's where no shop is named. No cookie is ever set. */
		setDocumentHeaders(request: Request, headers: Headers): void {
			library.addDocumentResponseHeaders(request, headers);
			if (!headers.has("content-security-policy")) headers.set("content-security-policy", "frame-ancestors 'none';");
			headers.set("x-content-type-options", "nosniff");
			headers.set("referrer-policy", "strict-origin-when-cross-origin");
		},
	};
}

/** As App Bridge sends it, or as the admin puts it into the frame's address. Not verified here. */
export function sessionTokenOf(request: Request): string {
	return request.headers.get("authorization")?.replace("Bearer ", "") ?? new URL(request.url).searchParams.get("id_token") ?? "";
}

/** Only which secret it is; the library then checks the token itself. */
function isSignedWith(secret: string, token: string): boolean {
	const [head, body, signature = ""] = token.split(".");
	return equalBytes(createHmac("sha256", secret).update(`${head}.${body}`).digest("base64url"), signature);
}
