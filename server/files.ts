import { createReadStream, readdirSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join, relative, sep } from "node:path";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
	".css": "text/css; charset=utf-8",
	".ico": "image/x-icon",
	".js": "text/javascript; charset=utf-8",
	".json": "application/json; charset=utf-8",
	".png": "image/png",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
	".woff2": "font/woff2",
};
/** Names under /assets carry a hash of the content and never change. */
const HASHED_SECONDS = 31_536_000;
/** Everything else (fonts, the icon) keeps its name over releases. */
const NAMED_SECONDS = 86_400;

type File = { path: string; type: string; bytes: number; cache: string; encodings: Map<string, { path: string; bytes: number }> };

/**
 * Serves a folder. What there is is listed once, at start: a request can only name a listed file, so no path leads out of the
 * folder. `scripts/build.ts` has put compressed copies beside the text files. Answers false when it is not a file's address.
 */
export function createFileHandler(folder: string): (request: IncomingMessage, response: ServerResponse) => boolean {
	const files = listFiles(folder);
	return (request, response) => {
		const file = files.get((request.url ?? "/").split("?", 1)[0] ?? "/");
		if (!file) return false;
		if (request.method !== "GET" && request.method !== "HEAD") {
			response.writeHead(405, { allow: "GET, HEAD" }).end();
			return true;
		}
		const accepted = new Set((request.headers["accept-encoding"] ?? "").split(",").map((part) => part.trim()));
		const encoding = ["br", "gzip"].find((name) => accepted.has(name) && file.encodings.has(name));
		const chosen = (encoding && file.encodings.get(encoding)) || file;
		response.writeHead(200, {
			"content-type": file.type,
			"content-length": chosen.bytes,
			"cache-control": file.cache,
			"x-content-type-options": "nosniff",
			...(encoding ? { "content-encoding": encoding } : {}),
			...(file.encodings.size > 0 ? { vary: "accept-encoding" } : {}),
		});
		if (request.method === "HEAD") response.end();
		else
			createReadStream(chosen.path)
				.on("error", () => response.destroy())
				.pipe(response);
		return true;
	};
}

function listFiles(folder: string): Map<string, File> {
	const files = new Map<string, File>();
	const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name));
	const urlOf = (path: string) => `/${relative(folder, path).split(sep).join("/")}`;
	for (const path of paths) {
		const type = CONTENT_TYPES[extname(path)];
		if (!type) continue;
		const url = urlOf(path);
		const cache = url.startsWith("/assets/") ? `public, max-age=${HASHED_SECONDS}, immutable` : `public, max-age=${NAMED_SECONDS}`;
		files.set(url, { path, type, bytes: statSync(path).size, cache, encodings: new Map() });
	}
	for (const path of paths) {
		const encoding = { ".br": "br", ".gz": "gzip" }[extname(path)];
		if (encoding) files.get(urlOf(path).slice(0, -3))?.encodings.set(encoding, { path, bytes: statSync(path).size });
	}
	return files;
}
