import { writeFileSync } from "node:fs";
import { vitePlugin as remix } from "@remix-run/dev";
import { defineConfig, type Plugin } from "vite";

/**
 * Builds the embedded app: routes and components for the browser and for the server.
 *
 * The server bundle keeps every door and leaf (`#ledger`, `#app/db.server.ts`, …) as an import instead of a copy: Node resolves
 * them through package.json "imports", to the very modules that server/web.ts and server/worker.ts run. So the database pool,
 * the queue and the Shopify client exist once in a process, and the bundle holds only what Node cannot run itself (TSX).
 */
export default defineConfig(({ isSsrBuild }) => ({
	plugins: [
		noteSources(isSsrBuild ? "server" : "client"),
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

/** Leaves the list of our files that went into a bundle: scripts/build.ts builds again only when one of them has changed. */
function noteSources(side: "client" | "server"): Plugin {
	const app = `${import.meta.dirname}/app/`;
	return {
		name: "note-sources",
		apply: "build",
		writeBundle() {
			const ours = [...this.getModuleIds()].map((id) => id.split("?", 1)[0] ?? id).filter((id) => id.startsWith(app));
			writeFileSync(`build/.sources-${side}.json`, JSON.stringify([...new Set(ours)].sort()));
		},
	};
}
