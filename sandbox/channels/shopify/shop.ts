import { randomUUID } from "node:crypto";
import type { World } from "../../world.ts";
import type { AppConfig } from "./app-config.ts";
import type { AccessToken, Auth } from "./auth.ts";
import { BULK_PACE, createBulkOperations } from "./bulk.ts";
import * as catalog from "./catalog.ts";
import * as drafts from "./drafts.ts";
import type { Context } from "./graphql/context.ts";
import { type Bucket, createBucket } from "./graphql/execute.ts";
import { createIdempotency } from "./graphql/idempotency.ts";
import { createStage, type Stage } from "./happening.ts";
import { pool, sellableOnline } from "./levels.ts";
import { createMagic, type MagicFate } from "./magic.ts";
import {
	createShopState,
	gid,
	type Level,
	levelAt,
	type Order,
	onHand,
	type Product,
	QUANTITY_NAMES,
	type QuantityName,
	type ShopState,
	type Variant,
} from "./model.ts";
import { cancelOrder, type EditRequest, editOrder, fulfil, orderOf, type RefundRequest, refund, reroute } from "./order-changes.ts";
import { type Checkout, type CheckoutOutcome, checkout } from "./orders.ts";
import { levelPayload, orderPayload, shopPayload } from "./payloads.ts";
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
	const installation = { installed: options.installed ?? true, scopes: [...config.scopes], closed: null as 402 | 423 | null };
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
		...merchant(stage),
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

/** Buyers and the merchant's hands. */
function merchant(stage: Stage) {
	const { state } = stage;
	return {
		seed: (seed: catalog.Seed) => catalog.seed(stage, seed),
		checkout: (request: Checkout): CheckoutOutcome => checkout(stage, request),
		cancelOrder: (request: Parameters<typeof cancelOrder>[1]) => cancelOrder(stage, request),
		refund: (request: RefundRequest) => refund(stage, request),
		editOrder: (request: EditRequest) => editOrder(stage, request),
		fulfil: (request: Parameters<typeof fulfil>[1]) => fulfil(stage, request),
		reroute: (request: Parameters<typeof reroute>[1]) => reroute(stage, request),
		deleteOrder(orderId: number) {
			const order = orderOf(state, orderId);
			stage.happen("edit", (happening) => {
				state.orders.delete(order.id);
				happening.topics.push({ topic: "orders/delete", resourceId: String(order.id), payload: () => ({ id: order.id }) });
			});
		},
		draft: (request: Parameters<typeof drafts.createDraft>[1]) => {
			const draft = drafts.createDraft(stage, request);
			return {
				id: draft.id,
				reserve: () => drafts.reserveDraft(stage, draft.id),
				complete: () => drafts.completeDraft(stage, draft.id),
				release: () => drafts.releaseDraft(stage, draft.id),
			};
		},
		editStock: (request: Parameters<typeof catalog.editStock>[1]) => catalog.editStock(stage, request),
		setAside: (request: Parameters<typeof catalog.setAside>[1]) => catalog.setAside(stage, request),
		transfer: (request: Parameters<typeof catalog.transfer>[1]) => catalog.transfer(stage, request),
		deactivateItemAt: (request: { sku: string; locationId: number }) => catalog.deactivateItemAt(stage, request),
		changeLocation: (locationId: number, change: Parameters<typeof catalog.changeLocation>[2]) =>
			catalog.changeLocation(stage, locationId, change),
		createProduct: (product: catalog.ProductSeed): Product => catalog.createProduct(stage, product),
		deleteProduct: (productId: number) => catalog.deleteProduct(stage, productId),
		setPolicy: (sku: string, policy: Variant["policy"]) =>
			catalog.changeVariant(stage, sku, (variant) => Object.assign(variant, { policy })),
		setTracked: (sku: string, tracked: boolean) => catalog.changeVariant(stage, sku, (_, __, item) => Object.assign(item, { tracked })),
		renameSku: (sku: string, to: string | null) => catalog.changeVariant(stage, sku, (variant) => Object.assign(variant, { sku: to })),
		setStatus: (sku: string, status: Product["status"]) =>
			catalog.changeVariant(stage, sku, (_, product) => Object.assign(product, { status })),
		/** Sends the order's webhook again, as an unrelated change of the order does (a note, a tag). */
		touchOrder(orderId: number, note: string) {
			const order = orderOf(state, orderId);
			stage.happen("edit", (happening) => {
				Object.assign(order, { note, updatedBefore: order.updatedAt, updatedAt: happening.at, touchedAt: happening.at });
				happening.topics.push({ topic: "orders/updated", resourceId: String(orderId), payload: () => orderPayload(state, order) });
			});
		},
	};
}

/** What is so, for verdicts and pages. */
function figures(state: ShopState) {
	const levelOf = (sku: string, locationId: number): Level | undefined => levelAt(state, catalog.known(state, sku).itemId, locationId);
	return {
		/** What the online store may sell: the sum over locations that fulfil online orders. Can be negative. */
		available(sku: string): number {
			const variant = catalog.known(state, sku);
			return variant.components.length > 0 ? sellableOnline(state, variant) : pool(state, variant.itemId);
		},
		level(
			sku: string,
			locationId: number,
		): (Record<QuantityName | "on_hand", number> & { active: boolean; updatedAt: number }) | undefined {
			const level = levelOf(sku, locationId);
			return level && { ...level.quantities, on_hand: onHand(level), active: level.active, updatedAt: level.updatedAt };
		},
		locations: () => [...state.locations.values()],
		location: (name: string) => [...state.locations.values()].find((location) => location.name === name),
		skus: () => [...state.variantsOfSku.keys()],
		order: (orderId: number): Order | undefined => state.orders.get(orderId),
		orders: () => [...state.orders.values()],
		/** The ids that the API gives a SKU. */
		idsOf(sku: string) {
			const variant = catalog.known(state, sku);
			return {
				productId: gid("Product", variant.productId),
				variantId: gid("ProductVariant", variant.id),
				inventoryItemId: gid("InventoryItem", variant.itemId),
				product: variant.productId,
				variant: variant.id,
				item: variant.itemId,
			};
		},
		quantityNames: QUANTITY_NAMES,
	};
}

type Installation = { installed: boolean; scopes: string[]; closed: 402 | 423 | null };

/** Installing, scopes, uninstalling, erasing. */
function appLifecycle(
	stage: Stage,
	{
		installation,
		revoke,
		config,
		webhooks,
	}: { installation: Installation; revoke: () => void; config: AppConfig; webhooks: { emit: Stage["emit"] } },
) {
	const { state, world } = stage;
	const say = (topic: string, payload: unknown) =>
		webhooks.emit({
			eventId: randomUUID(),
			at: Math.floor(world.clock.now()),
			topic,
			resourceId: String(state.id),
			payload: () => payload,
		});
	const install = () => {
		installation.installed = true;
		installation.scopes = [...config.scopes];
	};
	const changeScopes = (scopes: string[]) => {
		const previous = installation.scopes;
		installation.scopes = scopes;
		say("app/scopes_update", { id: state.id, previous, current: scopes, updated_at: new Date(world.clock.now()).toISOString() });
	};
	return {
		installed: () => installation.installed,
		scopes: (): readonly string[] => installation.scopes,
		install,
		reinstall: install,
		grantScopes: (...scopes: string[]) => changeScopes([...new Set([...installation.scopes, ...scopes])]),
		revokeScopes: (...scopes: string[]) => changeScopes(installation.scopes.filter((scope) => !scopes.includes(scope))),
		/** The tokens are dead before the webhook is even sent; API-created subscriptions go with them. */
		uninstall() {
			installation.installed = false;
			revoke();
			state.subscriptions.clear();
			say("app/uninstalled", shopPayload(state));
		},
		/** `shop/redact`, which comes about 48 hours after an uninstall. */
		redact: () => say("shop/redact", { shop_id: state.id, shop_domain: state.domain }),
		redactCustomer: (orderIds: readonly number[]) =>
			say("customers/redact", {
				shop_id: state.id,
				shop_domain: state.domain,
				customer: { id: 1, email: "ada@example.com", phone: null },
				orders_to_redact: orderIds,
			}),
		requestCustomerData: (orderIds: readonly number[]) =>
			say("customers/data_request", {
				shop_id: state.id,
				shop_domain: state.domain,
				orders_requested: orderIds,
				customer: { id: 1, email: "ada@example.com", phone: null },
				data_request: { id: 9999 },
			}),
		/** The shop is frozen (402), locked (423), or open again. */
		setClosed(status: 402 | 423 | null) {
			installation.closed = status;
		},
	};
}
