import "@shopify/app-bridge-types";
import type { SAppNavLinkAttributes } from "@shopify/app-bridge-types";

declare global {
	// biome-ignore lint/style/noNamespace: React 18 looks for custom elements in this global namespace
	namespace JSX {
		interface IntrinsicElements {
			/** A link of the app's menu; the rest of App Bridge's elements are declared by its own types. */
			"s-link": SAppNavLinkAttributes;
		}
	}
}
