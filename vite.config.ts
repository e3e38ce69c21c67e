import { vitePlugin as remix } from "@remix-run/dev";
import { defineConfig } from "vite";

/**
 * Builds the embedded app: routes and components for the browser and for the server.
 *
 * The server bundle keeps every door and leaf (`#ledger`, `#app/db.server.ts`, …) as an import instead of a copy: Node resolves
 * them through package.json "imports", to the very modules that server/web.ts and server/worker.ts run. So the database pool,
 * the queue and the Shopify client exist once in a process, and the bundle holds only what Node cannot run itself (TSX).
 */
export default defineConfig(({ isSsrBuild }) => ({
	plugins: [
		remix({
			appDirectory: "app",
			serverModuleFormat: "esm",
			// Beside the routes lie the rooms of the river; only the routes folder makes pages.
			ignoredRouteFiles: ["**/*.test.*"],
			future: {
				v3_fetcherPersist: true,
				v3_relativeSplatPath: true,
				v3_throwAbortReason: true,
				v3_singleFetch: true,
				// One request less for each first click; the whole manifest is a few kilobytes.
				v3_lazyRouteDiscovery: false,
			},
		}),
	],
	build: {
		assetsInlineLimit: 0,
		...(isSsrBuild ? { rollupOptions: { external: [/^#(?!.*\.tsx$)/] } } : {}),
	},
}));
