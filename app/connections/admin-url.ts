import type { Deps } from "./deps.ts";

/** Our page as the shop's admin frames it (shopify.dev, "App home": `/store/<name>/apps/<client id>/<path>`). */
export function adminUrl(env: Deps["env"], { shopDomain, returnPath }: { shopDomain: string; returnPath: string }): URL {
	const store = shopDomain.replace(/\.myshopify\.com$/, "");
	return new URL(`https://admin.shopify.com/store/${store}/apps/${env.shopifyApiKey}${returnPath}`);
}
