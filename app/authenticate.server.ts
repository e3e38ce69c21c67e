import { data } from "@remix-run/node";
import type { Session } from "@shopify/shopify-api";
import { database } from "#app/db.server.ts";
import { allows, approversOf, isMissingRight, type MissingRight, type Right, rightOf, sayMissingRight } from "#app/rights/index.ts";
import { sessionTokenOf, shopify } from "#app/shopify.server.ts";

/** Who is asking: a member of this shop's staff, in this shop's admin. */
export type AdminContext = {
	shopId: number;
	shopDomain: string;
	/** The session token's `sub`: what audit entries name. */
	userId: string;
	session: Session;
};

/**
 * Every page and action of the embedded app starts here. Throws the Response that Shopify's library answers with when the
 * caller must first be embedded, get a session token, or try again.
 */
export async function authenticateAdmin(request: Request): Promise<AdminContext> {
	const { session, sessionToken } = await oneAtATime(shopNamedBy(request), () => shopify().authenticate(request));
	return { shopId: await idOfInstalledShop(session), shopDomain: session.shop, userId: sessionToken.sub, session };
}

/**
 * Every page and action of the embedded app that shows or changes the shop asks here what its caller may do (R40). Throws the
 * 403 that components/route-error.tsx shows as a page; actions are wrapped in `answering`.
 */
export async function requireRight(request: Request, needed: Right): Promise<AdminContext & { right: Right }> {
	const context = await authenticateAdmin(request);
	const held = await rightOf(database(), context.shopId, context.userId);
	if (allows(held, needed)) return { ...context, right: held };
	const approvers = await approversOf(database(), context.shopId);
	throw Response.json({ missingRight: needed, held, approvers } satisfies MissingRight, { status: 403 });
}

/** What an action tells the person who pressed: a toast (components/use-said.ts). */
export type Said = { ok: boolean; message: string };

/** For actions: what is missing is said where the person pressed, and the page stays as it is. */
export async function answering<T>(act: () => Promise<T>) {
	try {
		return await act();
	} catch (thrown) {
		const missing: unknown = thrown instanceof Response && thrown.status === 403 ? await thrown.clone().json() : null;
		if (!isMissingRight(missing)) throw thrown;
		const { what, who } = sayMissingRight(missing);
		return data({ ok: false, message: `${what} ${who}` } satisfies Said, { status: 403 });
	}
}

/** The pages under /auth that Shopify's library answers by itself (a token for a page that came without, leaving the frame). */
export async function answerAuthRequest(request: Request): Promise<void> {
	await shopify().authenticate(request);
}

/**
 * The library stores the token before it calls `afterAuth`: if that call failed (or the process died), the next request finds a
 * valid token and never calls again. So a shop that is authenticated and not handed on yet is handed on here as well. Its row
 * alone says nothing, for a webhook may have made it: its home connection leaves "connecting" when the shop was handed on.
 */
async function idOfInstalledShop(session: Session): Promise<number> {
	const known = await findInstalledShop(session.shop);
	if (known?.handedOn) return known.id;
	await shopify().shopAuthenticated(session);
	const now = await findInstalledShop(session.shop);
	if (!now) throw new Error(`${session.shop} was authenticated and is still not installed: onShopAuthenticated must make it so`);
	return now.id;
}

async function findInstalledShop(domain: string): Promise<{ id: number; handedOn: boolean } | undefined> {
	const { rows } = await database().query<{ id: number; handedOn: boolean }>(
		`SELECT shop.id, COALESCE(home.state <> 'connecting', false) AS "handedOn"
		   FROM shop LEFT JOIN connection home ON home.shop_id = shop.id AND home.is_home AND home.state <> 'disconnected'
		  WHERE shop.domain = $1 AND shop.state = 'installed'`,
		[domain],
	);
	return rows[0];
}

/**
 * A page's loaders run side by side, and without a valid token each would exchange one of its own. In turn, the first
 * exchanges and the others find its token. Only requests of one shop wait for each other, and only for milliseconds while the
 * token is good; between processes, the session storage keeps the newer pair.
 */
const lastOf = new Map<string, Promise<void>>();
async function oneAtATime<T>(key: string, task: () => Promise<T>): Promise<T> {
	const mine = (lastOf.get(key) ?? Promise.resolve()).then(task);
	const done = mine.then(
		() => {},
		() => {},
	);
	lastOf.set(key, done);
	try {
		return await mine;
	} finally {
		if (lastOf.get(key) === done) lastOf.delete(key);
	}
}

/** Only a name for the queue, taken unverified: a false one makes its sender wait behind another shop's page. */
function shopNamedBy(request: Request): string {
	try {
		const payload: unknown = JSON.parse(Buffer.from(sessionTokenOf(request).split(".")[1] ?? "", "base64url").toString("utf8"));
		if (payload && typeof payload === "object" && "dest" in payload) return String(payload.dest);
	} catch {
		// Not a token; the library will say so.
	}
	return "";
}
