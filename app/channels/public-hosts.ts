import dns from "node:dns";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { Dispatcher } from "undici";

/**
 * Requests to hosts that a merchant typed must not become requests into our own network. The name is resolved here, every
 * address it has must be public, and the request then goes to a checked address itself: between check and connect nobody is
 * asked again, so a name that changes its answer (rebinding) gains nothing. Host header and TLS server name stay the store's.
 */
export function guardedDispatcher(base: Dispatcher, { lookup = lookUp, isPublic = isPublicAddress }: GuardOptions = {}): Dispatcher {
	const known = new Map<string, { addresses: readonly string[]; until: number }>();

	const addressesOf = async (hostname: string): Promise<readonly string[]> => {
		const hit = known.get(hostname);
		if (hit && hit.until > Date.now()) return hit.addresses;
		const addresses = [...new Set(await lookup(hostname))];
		const bad = addresses.find((address) => !isPublic(address));
		if (addresses.length === 0 || bad !== undefined) {
			known.delete(hostname);
			throw new UnsafeHostError(`${hostname} does not point to a public internet address`);
		}
		const oldest = known.size >= NAMES_KEPT_MAX ? known.keys().next().value : undefined;
		if (oldest !== undefined) known.delete(oldest);
		known.set(hostname, { addresses, until: Date.now() + NAME_KEPT_MS });
		return addresses;
	};

	return base.compose((dispatch) => (options, handler) => {
		const origin = new URL(String(options.origin));
		const refusal = merchantUrlProblem(origin);
		const addresses = refusal ? Promise.reject(new UnsafeHostError(refusal)) : addressesOf(origin.hostname);
		addresses.then(
			(found) => connectInTurn(dispatch, options, handler, origin, found.slice(0, ADDRESSES_TRIED_MAX)),
			(error: Error) => handler.onResponseError?.(NO_CONTROLLER, error),
		);
		return true;
	});
}

type GuardOptions = { lookup?: (hostname: string) => Promise<readonly string[]>; isPublic?: (address: string) => boolean };

/** The request was refused before anything was sent. */
export class UnsafeHostError extends Error {
	readonly code = "unsafe-host";
}

/**
 * Why an address that a merchant typed cannot be asked, in words for the merchant; null if it can. https only: over plain http
 * keys and orders would be readable on the way. Ports: the two that https stores use; any other would make us a port scanner.
 * No bare IP addresses: a store's certificate is for its name. Names without a dot and without a public ending are somebody's
 * inner network.
 */
export function merchantUrlProblem(url: URL): string | null {
	if (url.protocol !== "https:") return "The address must begin with https://";
	if (url.username || url.password) return "The address must not contain a user name or password";
	if (url.port !== "" && !PORTS.has(url.port)) return `Port ${url.port} is not allowed; stores answer on port 443`;
	const host = url.hostname.replace(/\.$/, "");
	if (host.startsWith("[") || isIP(host) !== 0) return "Enter the store's name, not a number address";
	if (!host.includes(".") || INNER_NAMES.test(host)) return `${host} is not a name on the public internet`;
	return null;
}

/** Public unicast only: IANA's special-purpose registries by ipaddr.js, plus what they leave open. */
export function isPublicAddress(address: string): boolean {
	if (!ipaddr.isValid(address)) return false;
	const parsed = ipaddr.parse(address);
	if (parsed.range() !== "unicast") return false;
	// IPv6: only 2000::/3 is given out at all. So IPv4-mapped (::ffff:0:0/96), IPv4-compatible (::/96) and NAT64 addresses, which
	// would carry an inner IPv4 address past this check, are refused with everything else outside.
	if (parsed.kind() === "ipv6") return (parsed as ipaddr.IPv6).match(GLOBAL_IPV6);
	return !CLOUD_INNER_IPV4.some((range) => (parsed as ipaddr.IPv4).match(range));
}

const PORTS = new Set(["443", "8443"]);
const INNER_NAMES = /\.(local|localhost|localdomain|internal|intranet|lan|home|corp|private|home\.arpa)$/i;
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");
/** 168.63.129.16 is Azure's host agent: an address from the public range that answers only from the inside. */
const CLOUD_INNER_IPV4 = [ipaddr.IPv4.parseCIDR("168.63.129.16/32")];

/** One page of a listing takes seconds; a name that moved is found again within half a minute. */
const NAME_KEPT_MS = 30_000;
const NAMES_KEPT_MAX = 1000;
/** A host with a dead first address (IPv6 without a route) is reached at the next one. */
const ADDRESSES_TRIED_MAX = 3;

/** undici's own handlers do not use the controller of an error that comes before any connection; its types ask for one. */
const NO_CONTROLLER = null as unknown as Dispatcher.DispatchController;

function connectInTurn(
	dispatch: Dispatcher.Dispatch,
	options: Dispatcher.DispatchOptions,
	handler: Dispatcher.DispatchHandler,
	origin: URL,
	[address, ...others]: readonly string[],
): void {
	if (address === undefined) return;
	let begun = false;
	const port = origin.port === "" ? "" : `:${origin.port}`;
	const pinned: Dispatcher.DispatchOptions & { servername: string } = {
		...options,
		origin: `https://${address.includes(":") ? `[${address}]` : address}${port}`,
		servername: origin.hostname,
		headers: { ...(options.headers as Record<string, string>), host: origin.host },
	};
	try {
		dispatch(
			pinned,
			onTheWay(handler, {
				onRequestStart(controller, context) {
					begun = true;
					handler.onRequestStart?.(controller, context);
				},
				onResponseError(controller, error) {
					if (!begun && others.length > 0) connectInTurn(dispatch, options, handler, origin, others);
					else handler.onResponseError?.(controller, error);
				},
			}),
		);
	} catch (error) {
		handler.onResponseError?.(NO_CONTROLLER, error as Error);
	}
}

/** A handler that passes everything on except what `own` takes over. */
export function onTheWay(handler: Dispatcher.DispatchHandler, own: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
	return {
		onRequestStart: (...all) => handler.onRequestStart?.(...all),
		onRequestUpgrade: (...all) => handler.onRequestUpgrade?.(...all),
		onResponseStarted: () => handler.onResponseStarted?.(),
		onResponseStart: (...all) => handler.onResponseStart?.(...all),
		onResponseData: (...all) => handler.onResponseData?.(...all),
		onResponseEnd: (...all) => handler.onResponseEnd?.(...all),
		onResponseError: (...all) => handler.onResponseError?.(...all),
		onBodySent: (...all) => handler.onBodySent?.(...all),
		onRequestSent: () => handler.onRequestSent?.(),
		...own,
	};
}

/** Called through the module object, so that whoever stands in for the system's resolver is asked too. */
function lookUp(hostname: string): Promise<readonly string[]> {
	return new Promise((resolve, reject) => {
		dns.lookup(hostname, { all: true, order: "ipv4first" }, (error, found) =>
			error ? reject(error) : resolve(found.map(({ address }) => address)),
		);
	});
}
