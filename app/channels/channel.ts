import type { CanonicalEvent, HomeItem, HomeLocation, HomeReading, OrderSnapshot } from "#domain";
import type { ChannelError } from "./errors.ts";

/**
 * The contract that every channel keeps. Differences are data (`capabilities`, `limits`): generic code asks these, never a
 * channel's name. Our ids are never sent as theirs, and their words never leave the channel's folder.
 */
export type Channel = {
	/** Registry id, as stored in `connection.channel`. */
	id: string;
	/** As the merchant calls it. */
	name: string;
	role: "home" | "guest";
	capabilities: Capabilities;
	limits: Limits;
	/** What the merchant types in beside the account, and what must never be logged. */
	credentialFields: readonly CredentialField[];
	/** Where the account's owner grants access scope by scope: those that we need and that are not among the granted. */
	missingScopes?: (granted: readonly string[]) => string[];
	apiVersion: { pinned: string; sunsetAt: string | null; source: string };
	webhooks: WebhookReceiver;
	/** What the operator has registered with the channel once for all merchants (ids, secrets, queues), by name. None: nothing. */
	appSettings?: readonly AppSetting[];
	/** Channels whose account is opened by its owner's consent on the channel's own page, instead of keys typed in. */
	authorization?: Authorization;
	/** Channels that put their messages into queues of the app's own, where we fetch them. */
	messageQueues?: (app: AppSettings) => readonly MessageQueue[];
	/** Channels that are found by an address somebody types: what is kept as the account, or why it cannot be used. */
	readAccount?(typed: string): AccountReading;
	/** In the merchant's words: where on this channel one sees what else may write its stock. The channel itself does not tell who wrote. */
	otherWriters?: string;
	/** What a number of its orders looks like, where nothing else looks like that. Tested on the bare number. */
	orderNumber?: RegExp;
	/** A client for one account. It keeps no state but connections; opening it sends nothing. */
	connect(account: AccountAccess): ChannelClient;
};

/** `optional`: the channel can be connected without it. */
export type AppSetting = { key: string; secret: boolean; help: string; optional?: boolean };
/** Values by `AppSetting.key`. */
export type AppSettings = Readonly<Record<string, string>>;

export type Authorization = {
	/** What the merchant chooses before the consent page is opened (a region), drawn as a form. */
	choices: readonly { key: string; label: string; options: readonly { value: string; label: string }[] }[];
	/** The page at the channel where the account's owner agrees. `state` comes back with the answer. */
	consentUrl(input: { app: AppSettings; chosen: Readonly<Record<string, string>>; state: string; redirectUrl: string }): string;
	/**
	 * From what the consent page sent back to what is kept. Throws ChannelError: CredentialsRejectedError where the code is spent
	 * or not ours.
	 */
	finish(input: {
		app: AppSettings;
		chosen: Readonly<Record<string, string>>;
		answer: URLSearchParams;
		redirectUrl: string;
	}): Promise<{ account: string; credentials: Readonly<Record<string, string>> }>;
	/**
	 * A fresh access token. `credentials`: what is to be kept instead of the former, where the channel rotates them. The caller
	 * serialises refreshes of one connection. Throws CredentialsRejectedError when only the owner can help.
	 */
	refresh(input: {
		app: AppSettings;
		credentials: Readonly<Record<string, string>>;
	}): Promise<{ accessToken: string; expiresAt: string; credentials?: Readonly<Record<string, string>> }>;
	/** The owner must agree again after this long. null: never. */
	renewAfterDays: number | null;
};

/** One queue of the app's, filled by the channel for many accounts. At least once, in no order. */
export type MessageQueue = {
	/** For logs and metrics: no secret, no account. */
	name: string;
	/** Waits up to the queue's own long-poll time; none: an empty list. Throws ChannelError. */
	receive(signal: AbortSignal): Promise<readonly QueuedMessage[]>;
	/** Only after the inbox has them: what is not deleted comes again. */
	remove(messages: readonly QueuedMessage[]): Promise<void>;
	close(): void;
};
/** `delivery` goes through the channel's `webhooks` like any other; what proves its sender is that only it may fill the queue. */
export type QueuedMessage = { receipt: string; delivery: RawDelivery };

export type AccountReading = { outcome: "account"; account: string } | { outcome: "refused"; reason: string };

export type Capabilities = {
	/**
	 * What a written quantity means. selfDecrementing: the channel's own sale lowers it. grossOfOpenOrders: write what is
	 * available + own open units. delta: home takes differences.
	 */
	quantityMeaning: "selfDecrementing" | "grossOfOpenOrders" | "delta";
	/** Writes per request; one result per write comes back. */
	writeBatchSize: number;
	readBatchSize: number;
	/** A read just before an absolute write is cheap enough to be made every time. */
	readBeforeWrite: boolean;
	/** Does the sender repeat a webhook that was not answered with 2xx? If not, ours are spooled when the database is down. */
	resendsWebhooks: boolean;
	/** An absolute write may still land this long after we stopped waiting for it. */
	lateHorizonMs: number;
	/** A write is accepted at once and shows later: its figure may appear at any reading, also that of one sent before others. */
	appliesLater?: boolean;
	/** Resolution of the channel's time stamps. */
	clockResolutionMs: number;
	/** The clocks of its orders and of its figures may be so far apart: within that, nobody can tell which came first. */
	clocksApartMs?: number;
	/** How many days of orders are read when a connection begins, where the channel's quota forbids what is usual (60). */
	baselineDays?: number;
	/** The regular poll of orders is made no more often than this, whatever the operator has set. Without it: as set. */
	pollEveryMs?: number;
	/** Its list of listings is made from figures that may be so old. Without it: as they are when a page is asked for. */
	listLagMs?: number;
	/** Its API can cancel an order (`ChannelClient.cancelOrder`); in the merchant's words, what that does and does not do there. */
	cancelsOrders?: { cost: string };
	/** Orders may be polled out of turn so often, where a figure asks for it. Without it: once a minute. */
	extraPollEveryMs?: number;
	/**
	 * What an order comes to may change without a word: the order's own "last changed" stays. Another sum than ours is then no
	 * difference unless it comes with a newer state. Without it: a sum that changes is a newer state.
	 */
	sumsChangeUnsaid?: boolean;
};

export type Limits = {
	/** Sustained rate and burst, in cost units (one request = 1 unless the channel prices its calls). */
	unitsPerSecond: number;
	burst: number;
	/** Requests in flight per account. */
	concurrency: number;
	source: string;
	/** Channels that count each operation by itself: `beforeCall` names the bucket, and these are its limits. */
	operations?: Readonly<Record<string, { unitsPerSecond: number; burst: number }>>;
};

export type CredentialField = { key: string; label: string; secret: boolean; help?: string };

export type AccountAccess = {
	/** Store host, shop domain, seller id. */
	account: string;
	/** Opened credentials by field key. For home: `accessToken` is asked for at each request, since it expires. */
	credentials: Readonly<Record<string, string>>;
	/** `refused`: the token that the channel has just refused; the answer is then another one, or it throws. */
	accessToken?: (refused?: string) => Promise<string>;
	/** What the operator has registered with the channel (`Channel.appSettings`), where it has that. */
	app?: AppSettings;
	/** Every request is reported: operation, status, duration, request id, cost; for budgets, attempts and metrics. */
	onCall?: (call: CallReport) => void;
	/**
	 * Called before each request with its cost in units; resolves when the account's budget allows it. `operation`: one of
	 * `limits.operations`, where the channel counts them apart.
	 */
	beforeCall?: (cost: number, operation?: string) => Promise<void>;
};

export type CallReport = {
	operation: string;
	httpStatus: number | null;
	tookMs: number;
	requestId?: string | undefined;
	/** Which bucket the request was paid from, if not the account's one. */
	bucket?: string | undefined;
	/** Correction of the bucket by the channel's own headers. */
	budget?: { remaining: number; capacity: number; refillPerSecond: number } | undefined;
	retryAfterMs?: number | undefined;
};

/** One webhook as it came: header names in lower case. */
export type RawDelivery = { headers: Readonly<Record<string, string>>; body: Buffer; path: string };

export type WebhookReceiver = {
	/** How the sender signs; the one verifier (ingest) does it. null: unsigned, so every message is only a hint. */
	signature: { header: string; algorithm: "sha256"; encoding: "base64" | "hex"; secret: "app" | "connection" } | null;
	/** Topic, resource and sender's delivery id; null: not a delivery that needs an event (an unsigned ping): answer 200. */
	identify(delivery: RawDelivery): DeliveryIdentity | null;
	/** Keeps what is needed and nothing personal (R04). Throws UnexpectedShapeError if it is not the channel's JSON. */
	allowList(topic: string, body: unknown): unknown;
	/** Allow-listed payload -> canonical events. Unknown enum values and missing fields throw UnexpectedShapeError (R32). */
	toEvents(input: { topic: string; payload: unknown; headers: Readonly<Record<string, string>> }): CanonicalEvent[];
};

export type DeliveryIdentity = {
	topic: string;
	deliveryId: string;
	resourceId: string;
	/** Which account sent it (shop domain, store URL), for finding or checking the connection. */
	account: string | null;
	/** Sender's clock, if it says. */
	triggeredAt: string | null;
};

export type ChannelClient = {
	/** Authenticates against the real API and tells what it found; never throws a ChannelError: it reports it. */
	check(): Promise<HealthReport>;
	/** Catalogue of sellable things, page by page. */
	listListings(options?: { modifiedAfter?: string }): AsyncIterable<RemoteListing[]>;
	/** Current figures, in the order asked; null where the channel does not know the listing. At most `readBatchSize`. */
	readStock(refs: readonly ListingRef[]): Promise<{ readings: (StockReading | null)[]; channelTime: string }>;
	/** Absolute writes, one result each, in order. At most `writeBatchSize`. Throws only when nothing can be said of any. */
	writeStock(writes: readonly StockWrite[]): Promise<WriteResult[]>;
	/**
	 * Orders that changed at `since` or later (channel's clock; adapters overlap for their clock's resolution), oldest change
	 * first where the channel can. The last page's `channelTime` is the channel's clock when the page was asked for. `goOnFrom`: an
	 * earlier list of the same bound was broken off there (`OrderPage.reached`), and what came before it is not listed again.
	 */
	listOrders(options: { since: string; goOnFrom?: string }): AsyncIterable<OrderPage>;
	/** null: the channel does not have it (any more). */
	readOrder(orderId: string): Promise<OrderSnapshot | null>;
	/**
	 * Only channels that `cancelsOrders`. Cancels an order that nothing was sent of; one that is cancelled already is `cancelled`. Throws
	 * ChannelError; where its `outcomeUnknown` is set, the order tells.
	 */
	cancelOrder?(orderId: string): Promise<CancelResult>;
	webhooks: WebhookManager | null;
	/** Only channels of role `home`. */
	home?: HomeClient;
	close(): Promise<void>;
};

/** refused: the channel would not, or it is too late; the reason is a sentence for the merchant. */
export type CancelResult = { outcome: "cancelled" } | { outcome: "refused"; reason: string };

export type HealthReport =
	| { health: "green"; account: string; detail: Readonly<Record<string, string>> }
	| { health: "red"; reason: string; error: ChannelError };

export type ListingRef = { externalId: string; parentExternalId: string | null };

export type OrderPage = {
	orders: OrderSnapshot[];
	channelTime: string;
	/**
	 * Only where the channel lists by time of change: what changed before this moment and has not changed since is on this page or an
	 * earlier one, but for what stands at the end of the list whatever its time. Channel's clock.
	 */
	reached?: string;
	/** Orders on this page that do not fit the contract (allow-listed): each a dead letter of its own, while the others go on. */
	unreadable?: readonly { orderId: string; payload: unknown; error: ChannelError }[];
};

export type RemoteListing = ListingRef & {
	sku: string | null;
	barcode: string | null;
	title: string;
	/** null: the channel does not manage stock for it. */
	quantity: number | null;
	managed: boolean;
	/**
	 * Orders name this listing, but its pieces are another one's (a variation that shares its parent's stock): a sale of it is a
	 * sale of that listing, and it is never linked, read or written itself.
	 */
	soldFrom?: string;
};

export type StockReading = { externalId: string; quantity: number | null; managed: boolean };
export type StockWrite = ListingRef & { quantity: number };
export type WriteResult =
	/** `writtenAt`: channel's clock. `quantity`: what the channel says it shows now, if it says. */
	| { outcome: "landed"; writtenAt: string; quantity: number | null }
	/** The channel has taken it and will apply it later, or refuse it then: delivery reads the figure until it shows, or parks it. */
	| { outcome: "accepted"; acceptedAt: string; receipt: string }
	| { outcome: "failed"; error: ChannelError };

export type WebhookManager = {
	topics: readonly string[];
	list(): Promise<RemoteWebhook[]>;
	create(webhook: { topic: string; url: string; secret: string }): Promise<RemoteWebhook>;
	remove(id: string): Promise<void>;
};
export type RemoteWebhook = { id: string; topic: string; url: string; active: boolean };

export type HomeClient = {
	/** Differences, under one key; the same key must always carry the same changes. */
	adjust(batch: DeltaRequest): Promise<DeltaResult>;
	/** All levels of the items (every location), read now. Missing items are left out. */
	readLevels(itemExternalIds: readonly string[]): Promise<{ readings: HomeReading[]; items: HomeItem[] }>;
	readProduct(productExternalId: string): Promise<HomeItem[] | null>;
	listLocations(): Promise<HomeLocation[]>;
	/** Everything home has, prepared by home in the background: what a first import reads. */
	catalogue: CatalogueExport;
	/** Who wrote home's orders that were created since then, newest first, where home tells. */
	listOrderOrigins?(options: { since: string }): AsyncIterable<OrderOrigin[]>;
	/** Tells the merchant's automations that something has happened, where home has such. A repetition is not recognised. */
	startWorkflows?(event: { handle: string; payload: Readonly<Record<string, unknown>> }): Promise<WorkflowStart>;
};
export type OrderOrigin = {
	/** Home's own name of the order. */
	name: string;
	/** As the order's maker calls itself, and the app that it is. */
	source: string | null;
	app: string | null;
	/** The number that the order has where it comes from. */
	number: string | null;
	tags: readonly string[];
	/** Sold by home itself: its online store, its till, a draft. */
	isOwn: boolean;
};
export type WorkflowStart =
	| { outcome: "taken" }
	/** It never will be: nobody declared it, or not so. */
	| { outcome: "refused"; reason: string };

export type CatalogueExport = {
	/** busy: home takes no more of these now. `startedAt`: home's clock; `askedAt`: ours, before the request. */
	start(): Promise<
		{ outcome: "started"; exportId: string; startedAt: string; askedAt: string; items: number } | { outcome: "busy"; reason: string }
	>;
	state(exportId: string): Promise<CatalogueExportState>;
	/** Streamed, a line at a time, items before what belongs to them; the first `skip` lines are passed over. */
	rows(url: string, options: { askedAt: string; skip: number }): AsyncIterable<CatalogueRow>;
};
export type CatalogueExportState =
	| { state: "running"; itemsDone: number }
	/** url null: home has nothing. */
	| { state: "ready"; url: string | null; items: number }
	/** `again`: the same may succeed when it is started anew. */
	| { state: "failed"; reason: string; again: boolean };
/** `line` counts from 1. */
export type CatalogueRow = { line: number } & (
	| { kind: "item"; item: HomeItem }
	| { kind: "reading"; reading: HomeReading }
	/** The bundle's item is found by its variant; the part is named by its item. */
	| { kind: "component"; bundleVariantExternalId: string; itemExternalId: string; quantity: number }
	| { kind: "unreadable"; payload: unknown; error: ChannelError }
);
export type DeltaRequest = {
	idempotencyKey: string;
	/** What a person reads in home's own history. */
	reason: string;
	reference: string;
	changes: readonly { itemExternalId: string; locationExternalId: string; delta: number }[];
};
export type DeltaResult =
	| { outcome: "landed"; landedAt: string }
	/** Home refuses these changes (by index); nothing of the batch was done. */
	| { outcome: "refused"; refused: readonly { index: number | null; error: ChannelError }[] };
