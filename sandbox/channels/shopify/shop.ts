import { randomUUID } from "node:crypto";
import type { World } from "../../world.ts";
import type { AppConfig } from "./app-config.ts";
import type { AccessToken, Auth } from "./auth.ts";
import { BULK_PACE, createBulkOperations } from "./bulk.ts";
import { figures } from "./figures.ts";
import { createFlow } from "./flow.ts";
import type { FlowConfig } from "./flow-config.ts";
import type { Context } from "./graphql/context.ts";
import { type Bucket, createBucket } from "./graphql/execute.ts";
import { createIdempotency } from "./graphql/idempotency.ts";
import { hands } from "./hands.ts";
import { createStage } from "./happening.ts";
import { appLifecycle, type Installation } from "./lifecycle.ts";
import { createMagic, type MagicFate } from "./magic.ts";
import { createShopState, type Order } from "./model.ts";
import { cancelOrder } from "./order-changes.ts";
import { levelPayload } from "./payloads.ts";
import { createWebhooks, scopesForTopic, type WebhookOptions } from "./webhooks.ts";

/** One shop: its buyers, its merchant, and what the endpoint needs of it. */
export type ShopOptions = {
	domain: string;
	name?: string;
	currency?: string;
	utcOffset?: string;
	/** False: the merchant has not installed the app yet. */
	installed?: boolean;
	/** Personal data that the app is approved for; level 1 is orders without name, address, phone and email. */
	protectedData?: Context["protectedData"];
	/** The shop's name in the books; null keeps it out of them (a second shop with the same SKUs). */
	booksAs?: string | null;
	/** The first id that the shop gives out; two shops may hold equal ids. */
	firstId?: number;
	searchLagMs?: number;
	/** Query points: recorded 2000 and 100 per second for a standard shop. */
	bucket?: { maximum?: number; restoreRate?: number };
	bulk?: Partial<typeof BULK_PACE>;
};

/** The search index is behind by about this much. */
const SEARCH_LAG_MS = 400;
/** An accepted `orderCancel` is carried out by a job of its own. */
const CANCEL_JOB_MS = 250;

export type Shop = ReturnType<typeof createShop>["shop"];
export type ShopHost = ReturnType<typeof createShop>["host"];

export function createShop(
	given: {
		world: World;
		auth: Auth;
		config: AppConfig;
		flow: FlowConfig;
		clientId: string;
		appUrl: string;
		secret: () => string;
		webhooks: WebhookOptions;
		files: Map<string, { lines: readonly string[]; until: number }>;
		channel: string;
	},
	options: ShopOptions,
) {
	const { world, config, channel } = given;
	const now = () => Math.floor(world.clock.now());
	const state = createShopState({
		domain: options.domain,
		name: options.name ?? options.domain.split(".")[0] ?? "",
		currency: options.currency ?? "USD",
		utcOffset: options.utcOffset ?? "-05:00",
		at: now(),
		firstId: options.firstId,
	});
	const booksAs = options.booksAs === undefined ? channel : options.booksAs;
	const installation = { installed: options.installed ?? true, scopes: [...config.scopes], closed: null as Installation["closed"] };
	const violated = (rule: string, detail: string) => world.books.violated({ channel: booksAs ?? channel, rule, detail });

	const mayUse = (scope: string) => installation.scopes.includes(scope) || installation.scopes.includes(scope.replace(/^read_/, "write_"));
	const allowed = (topic: string) => {
		if (topic === "shop/redact" || topic === "app/uninstalled" || topic.startsWith("customers/")) return true;
		const scopes = scopesForTopic(topic);
		return installation.installed && (scopes.length === 0 || scopes.some(mayUse));
	};
	const webhooks = createWebhooks({
		world,
		state,
		config,
		appUrl: given.appUrl,
		options: given.webhooks,
		secret: given.secret,
		allowed,
		channel: booksAs ?? channel,
	});
	const stage = createStage({ state, world, booksAs, emit: webhooks.emit, levelPayload: (level) => levelPayload(state, level) });

	const bucket: Bucket = createBucket({
		now: () => world.clock.now(),
		maximum: options.bucket?.maximum ?? 2000,
		restoreRate: options.bucket?.restoreRate ?? 100,
	});
	const flow = createFlow({
		world,
		config: given.flow,
		shop: { id: state.id, domain: state.domain },
		appUrl: given.appUrl,
		secret: given.secret,
		isInstalled: () => installation.installed,
		violated,
	});
	const idempotency = createIdempotency({ now, violated });
	const groups: Context["groups"] = new Map();
	const magic = createMagic(state);
	const context = (access: AccessToken, version: string): Context => ({
		stage,
		state,
		access,
		config,
		clientId: given.clientId,
		version,
		protectedData: options.protectedData ?? "level1",
		bulk: false,
		searchLagMs: options.searchLagMs ?? SEARCH_LAG_MS,
		idempotency,
		groups,
		bulkOperations,
		flow,
		landsAfter: null,
		fate: "normal",
		violated,
		cancelOrder(orderId, { restock, reason }) {
			const id = `gid://shopify/Job/${randomUUID()}`;
			state.jobs.set(id, { done: false });
			world.clock.after(CANCEL_JOB_MS, () => {
				cancelOrder(stage, { orderId, restock, reason: reason as NonNullable<Order["cancelReason"]> });
				state.jobs.set(id, { done: true });
			});
			return id;
		},
	});
	const bulkOperations = createBulkOperations(stage, {
		pace: { ...BULK_PACE, ...options.bulk },
		world,
		files: given.files,
		contextFor: (access) => context(access, config.apiVersion),
	});

	const host = {
		state,
		auth: given.auth,
		bucket,
		channel: booksAs ?? channel,
		context,
		violated,
		magic: (variables: unknown): MagicFate => magic.fateOf(variables),
		closed: () => installation.closed,
		called: (operation: string, status: number, tookMs: number) =>
			world.books.called({ channel: booksAs ?? channel, operation, status, tookMs }),
		scopes: (): readonly string[] | null => (installation.installed ? installation.scopes : null),
	};
	const shop = {
		domain: options.domain,
		name: state.name,
		state,
		/** Where things happen in this shop, for what no method here does. */
		stage,
		/** Shopify Flow in this shop. */
		flow,
		...hands(stage),
		...figures(state),
		...appLifecycle(stage, { installation, revoke: () => given.auth.revoke(options.domain), config, webhooks }),
		mintSessionToken: ({ userId = 1, seconds }: { userId?: number; seconds?: number } = {}) =>
			given.auth.mintSessionToken({ shop: options.domain, userId, ...(seconds !== undefined && { seconds }) }),
		/** The app's access tokens end now, as after their hour. Refresh tokens live on. */
		expireTokens: () => given.auth.expireAccess(options.domain),
		/** Spends the app's query points, so that the next request is throttled. */
		drainBucket: () => bucket.take(bucket.maximum),
		/** Webhooks that are still on their way, retries included. */
		pendingWebhooks: webhooks.pending,
	};
	return { shop, host };
}
