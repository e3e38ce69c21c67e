import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { isIP } from "node:net";
import { Agent, type Dispatcher, getGlobalDispatcher, setGlobalDispatcher } from "undici";

/** A public address that every check lets pass; nothing connects to it. */
const ADDRESS = "9.9.9.9";

/**
 * Loaded before the app (`node --import ./sandbox/preload.ts`), this leads its requests to the sandbox: SANDBOX_UPSTREAMS is a
 * list `host=url,*.suffix=url`. The app keeps real host names, https and its own checks of addresses, and knows nothing of
 * this. A request to any other host is refused, so nothing leaves the machine. Tests call `installUpstreams` themselves.
 */
if (process.env.SANDBOX_UPSTREAMS) installUpstreams(process.env.SANDBOX_UPSTREAMS);

export type Upstreams = { restore(): Promise<void> };

export function installUpstreams(map: string | Record<string, string>): Upstreams {
	const routes = parseRoutes(map);
	const agent = new Agent();
	// undici's own global and, by its wrapper, the one that Node's built-in fetch reads (undici lib/global.js).
	const before = getGlobalDispatcher();
	setGlobalDispatcher(agent.compose((dispatch) => (options, handler) => dispatch(reroute(options, routes), handler)));
	const restoreNames = answerNames(routes);
	return {
		async restore() {
			setGlobalDispatcher(before);
			restoreNames();
			await agent.destroy();
		},
	};
}

type Route = { host: string; url: URL };

function parseRoutes(map: string | Record<string, string>): Route[] {
	const pairs = typeof map === "string" ? map.split(",").map((pair) => splitOnce(pair.trim(), "=")) : Object.entries(map);
	return pairs
		.filter(([host]) => host !== "")
		.map(([host, url]) => {
			if (!URL.canParse(url)) throw new Error(`SANDBOX_UPSTREAMS: "${host}=${url}" is not a host=url pair.`);
			return { host: host.toLowerCase(), url: new URL(url) };
		})
		.sort((a, b) => Number(a.host.startsWith("*.")) - Number(b.host.startsWith("*."))); // An exact name before a pattern.
}

function routeOf(host: string, routes: Route[]): Route | undefined {
	const name = host.toLowerCase().replace(/:\d+$/, "");
	return routes.find((route) => route.host === name || (route.host.startsWith("*.") && name.endsWith(route.host.slice(1))));
}

/** The app may have checked the host's address and ask that address itself; then the Host header says whom it means. */
function reroute(options: Dispatcher.DispatchOptions, routes: Route[]): Dispatcher.DispatchOptions {
	const origin = new URL(String(options.origin));
	const bare = origin.hostname.replace(/^\[|\]$/g, "");
	if (bare === "localhost" || bare === "::1" || /^127\./.test(bare)) return options;
	const host = isIP(bare) === 0 ? origin.host : (headerOf(options.headers, "host") ?? origin.host);
	const route = routeOf(host, routes);
	if (!route) throw new Error(`The sandbox leads no way to ${host}: the request was not sent.`);
	return { ...options, origin: route.url.origin, headers: withHost(options.headers, host) };
}

function answerNames(routes: Route[]): () => void {
	const { lookup } = dns;
	const { lookup: lookupPromise } = dns.promises;
	const known = (name: string): boolean => {
		if (routeOf(name, routes)) return true;
		// Names of one word are this machine's or its own network's (localhost, a database's container).
		if (isIP(name) !== 0 || !name.includes(".")) return false;
		throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name} (the sandbox has no such host)`), { code: "ENOTFOUND", hostname: name });
	};

	const found = { address: ADDRESS, family: 4 };
	dns.lookup = ((name: string, ...rest: unknown[]) => {
		const callback = rest.at(-1) as (error: Error | null, ...found: unknown[]) => void;
		const all = typeof rest[0] === "object" && (rest[0] as dns.LookupOptions | null)?.all === true;
		try {
			if (!known(name)) return (lookup as unknown as (...every: unknown[]) => void)(name, ...rest);
			process.nextTick(() => (all ? callback(null, [found]) : callback(null, found.address, found.family)));
		} catch (error) {
			process.nextTick(() => callback(error as Error));
		}
	}) as typeof dns.lookup;
	dns.promises.lookup = (async (name: string, options?: dns.LookupOptions) => {
		if (!known(name)) return lookupPromise(name, options as dns.LookupAllOptions);
		return options?.all ? [found] : found;
	}) as typeof dns.promises.lookup;
	syncBuiltinESMExports();

	return () => {
		dns.lookup = lookup;
		dns.promises.lookup = lookupPromise;
		syncBuiltinESMExports();
	};
}

type Headers = Dispatcher.DispatchOptions["headers"];

/** undici takes headers as an object, as one flat list, or as anything that gives pairs; here they become the list. */
function flatHeaders(headers: Headers): string[] {
	if (!headers) return [];
	if (Array.isArray(headers) && typeof headers[0] === "string") return headers as string[];
	const pairs = Symbol.iterator in headers ? [...(headers as Iterable<[string, unknown]>)] : Object.entries(headers);
	return pairs.flatMap(([name, value]) => [value ?? []].flat().flatMap((one) => [name, String(one)]));
}

function headerOf(headers: Headers, wanted: string): string | undefined {
	return flatHeaders(headers).find((_, i, flat) => i % 2 === 1 && flat[i - 1]?.toLowerCase() === wanted);
}

function withHost(headers: Headers, host: string): string[] {
	const flat = flatHeaders(headers);
	const others = flat.filter((_, i) => flat[i - (i % 2)]?.toLowerCase() !== "host");
	return [...others, "host", host];
}

function splitOnce(text: string, separator: string): [string, string] {
	const at = text.indexOf(separator);
	return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
