import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { serve } from "./outside.ts";

export const MARKET_APP = { clientId: "app-of-the-test", clientSecret: "market-secret-0123456789" };

type Rotation =
	/** The refresh token stays for good. */
	| "never"
	/** A new one each time; the old one works until the new one was used. */
	| "lenient"
	/** A new one each time; the old one is spent at once. */
	| "strict";
type Message = { id: string; body: string; visibleAt: number; receipt: string; received: number };
type Request = { path: string; body: Record<string, string>; at: number };

/**
 * A marketplace next door, over real HTTP: a page on which an account's owner agrees, a token page whose tokens live an hour, an
 * API that asks for them, and queues with visibility times, at least once and in no order. It knows nothing of the app.
 */
export async function startMarket({ visibilityMs = 400 } = {}) {
	const codes = new Map<string, { account: string; redirect: string }>();
	const grants = new Map<string, { account: string; refresh: Set<string> }>();
	const access = new Map<string, string>();
	const queues = new Map<string, Message[]>();
	const requests: Request[] = [];
	const subscriptions = new Map<string, { account: string; topic: string; queue: string; active: boolean }>();
	let count = 0;
	const secret = (kind: string) => `${kind}-${randomBytes(12).toString("hex")}`;

	const self = {
		origin: "",
		rotation: "never" as Rotation,
		tokenSeconds: 3_600,
		/** Gives the last token again as long as it lives. */
		sticky: false,
		app: { ...MARKET_APP },
		/** Most messages per receive. */
		batch: 10,
		requests,
		/** By id: who is told of what through which queue. */
		subscriptions,
		/** Answers of the next requests to these paths, instead of the real ones. */
		faults: {} as Record<string, number[]>,
		/** Before an answer leaves that has its effect already. */
		beforeAnswer: undefined as ((path: string) => Promise<void> | void) | undefined,
		/** As the owner's browser: reads the page, agrees, and is sent back; the address it is sent to. */
		async agree(url: string, account: string, button: "agree" | "deny" = "agree"): Promise<string> {
			const asked = new URL(url);
			asked.pathname = `/${button}`;
			asked.searchParams.set("as", account);
			const answer = await fetch(asked, { redirect: "manual" });
			return answer.headers.get("location") ?? `${answer.status} ${await answer.text()}`;
		},
		/** A refresh token as the operator may have got it. */
		grant(account: string): string {
			const refresh = secret("refresh");
			grants.set(refresh, { account, refresh: new Set([refresh]) });
			return refresh;
		},
		regrant(refresh: string, account: string) {
			grants.set(refresh, { account, refresh: new Set([refresh]) });
		},
		revoke(account: string) {
			for (const [token, grant] of grants) if (grant.account === account) grants.delete(token);
			self.expire(account);
		},
		expire(account: string) {
			for (const [token, of] of access) if (of === account) access.delete(token);
		},
		put(queue: string, body: unknown): string {
			const id = `m${++count}`;
			const text = typeof body === "string" ? body : JSON.stringify(body);
			messagesOf(queue).push({ id, body: text, visibleAt: 0, receipt: "", received: 0 });
			return id;
		},
		left: (queue: string) => messagesOf(queue).length,
		received: (queue: string) => messagesOf(queue).map(({ received }) => received),
		count: (path: string) => requests.filter((request) => request.path === path).length,
		close: async () => {},
	};
	const messagesOf = (queue: string) => {
		const present = queues.get(queue);
		if (present) return present;
		const made: Message[] = [];
		queues.set(queue, made);
		return made;
	};

	const token = (body: Record<string, string>) => {
		if (body.client_id !== self.app.clientId || body.client_secret !== self.app.clientSecret) return refuse(401, "invalid_client");
		if (body.grant_type === "authorization_code") {
			const code = codes.get(body.code ?? "");
			codes.delete(body.code ?? "");
			if (!code || code.redirect !== body.redirect_uri) return refuse(400, "invalid_grant");
			return give(code.account, self.grant(code.account));
		}
		const used = body.refresh_token ?? "";
		const grant = grants.get(used);
		if (!grant) return refuse(400, "invalid_grant");
		if (self.rotation === "never") return give(grant.account, used);
		// Used for the first time, a token ends those before it.
		for (const other of grant.refresh) if (other !== used || self.rotation === "strict") grants.delete(other);
		const next = secret("refresh");
		grant.refresh = new Set(self.rotation === "strict" ? [next] : [used, next]);
		grants.set(next, grant);
		return give(grant.account, next);
	};
	const give = (account: string, refresh: string) => {
		const last = self.sticky ? [...access].findLast(([, of]) => of === account)?.[0] : undefined;
		const made = last ?? secret("access");
		access.set(made, account);
		return { status: 200, body: { access_token: made, refresh_token: refresh, expires_in: self.tokenSeconds, account } };
	};
	const refuse = (status: number, error: string) => ({ status, body: { error } });

	const receive = async (body: Record<string, string>, request: IncomingMessage) => {
		const until = Date.now() + Number(body.wait_ms ?? 0);
		for (;;) {
			const now = Date.now();
			const visible = messagesOf(body.queue ?? "").filter(({ visibleAt }) => visibleAt <= now);
			if (visible.length > 0 || now >= until || request.destroyed) {
				const taken = visible.slice(0, self.batch);
				for (const message of taken) {
					Object.assign(message, { visibleAt: now + visibilityMs, receipt: `r${++count}`, received: message.received + 1 });
				}
				return { status: 200, body: { messages: taken.map(({ receipt, body: text }) => ({ receipt, body: text })) } };
			}
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
	};
	const remove = (body: Record<string, string>) => {
		const receipts = new Set((body.receipts ?? "").split(","));
		const all = messagesOf(body.queue ?? "");
		queues.set(
			body.queue ?? "",
			all.filter(({ receipt }) => !receipts.has(receipt)),
		);
		return { status: 200, body: {} };
	};

	const ownerOf = (request: IncomingMessage) => access.get((request.headers.authorization ?? "").replace("Bearer ", ""));
	const subscribe = (account: string | undefined, body: Record<string, string>) => {
		if (account === undefined) return refuse(401, "expired");
		if (body.topic) subscriptions.set(`s${++count}`, { account, topic: body.topic, queue: "east", active: true });
		if (body.remove) subscriptions.delete(body.remove);
		const own = [...subscriptions].filter(([, subscription]) => subscription.account === account);
		return { status: 200, body: { subscriptions: own.map(([id, { topic, queue, active }]) => ({ id, topic, queue, active })) } };
	};

	const answer = async (path: string, body: Record<string, string>, request: IncomingMessage) => {
		switch (path) {
			case "/token":
				return token(body);
			case "/receive":
				return receive(body, request);
			case "/remove":
				return remove(body);
			case "/account": {
				const of = ownerOf(request);
				return of ? { status: 200, body: { account: of } } : refuse(401, "expired");
			}
			case "/subscriptions":
				return subscribe(ownerOf(request), body);
			default:
				return refuse(404, "nothing here");
		}
	};

	const consent = (url: URL, response: ServerResponse) => {
		const back = new URL(url.searchParams.get("redirect") ?? "");
		back.searchParams.set("state", url.searchParams.get("state") ?? "");
		if (url.pathname === "/deny") back.searchParams.set("error", "access_denied");
		else {
			const account = url.searchParams.get("as") ?? "";
			const code = secret("code");
			codes.set(code, { account, redirect: url.searchParams.get("redirect") ?? "" });
			back.searchParams.set("code", code);
			back.searchParams.set("account", account);
		}
		response.writeHead(302, { location: back.href }).end();
	};

	const server = await serve((request, response) => {
		const url = new URL(request.url ?? "/", "http://market.invalid");
		if (url.pathname === "/agree" || url.pathname === "/deny") return consent(url, response);
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", async () => {
			const body = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}") as Record<string, string>;
			requests.push({ path: url.pathname, body, at: Date.now() });
			const fault = self.faults[url.pathname]?.shift();
			const { status, body: said }: { status: number; body: unknown } = fault
				? refuse(fault, "fault")
				: await answer(url.pathname, body, request);
			await self.beforeAnswer?.(url.pathname);
			const text = JSON.stringify(said);
			response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) }).end(text);
		});
	});
	self.origin = server.origin;
	self.close = server.close;
	return self;
}
