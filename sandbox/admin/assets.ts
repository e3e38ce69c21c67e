import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";

const file = (path: string) => new URL(path, import.meta.url);
const CSS = "text/css; charset=utf-8";
const JS = "text/javascript; charset=utf-8";

type Asset = { type: string; read: () => Buffer | Promise<string> };
const ASSETS: Readonly<Record<string, Asset>> = {
	"/app-bridge.js": { type: JS, read: () => script("app-bridge") },
	"/admin-assets/frame.js": { type: JS, read: () => script("frame") },
	"/admin-assets/poll.js": { type: JS, read: () => script("poll") },
	"/admin-assets/admin.css": { type: CSS, read: () => readFileSync(file("./admin.css")) },
	"/admin-assets/inter.woff2": { type: "font/woff2", read: () => readFileSync(file("../../public/fonts/inter-latin-wght-normal.woff2")) },
};

export async function serveAsset(path: string, response: ServerResponse): Promise<void> {
	const asset = ASSETS[path];
	if (!asset) return void response.writeHead(404).end();
	const content = await asset.read();
	response.writeHead(200, { "content-type": asset.type, "cache-control": "no-cache" }).end(content);
}

/** The browser's scripts are TypeScript like everything else; Vite, which builds the app, takes their types away. */
const scripts = new Map<string, Promise<string>>();
function script(name: string): Promise<string> {
	const known = scripts.get(name);
	if (known) return known;
	const stripping = (async () => {
		const path = file(`./browser/${name}.ts`);
		const { transformWithEsbuild } = await import("vite");
		const { code } = await transformWithEsbuild(await readFile(path, "utf8"), path.pathname, {
			loader: "ts",
			target: "es2022",
			sourcemap: false,
		});
		return code;
	})();
	scripts.set(name, stripping);
	return stripping;
}
