import type { World } from "../../world.ts";
import { answerConsent } from "./consent.ts";
import { createGrants } from "./grants.ts";
import { serveLwa } from "./lwa.ts";
import { MARKETPLACES, marketplaceOf, REGIONS, US } from "./marketplaces.ts";
import { createNotices } from "./notices.ts";
import { serveSellerCentral } from "./page.ts";
import { createPeople, type People } from "./people.ts";
import type { App, Realm, Settings } from "./realm.ts";
import { createReports } from "./reports.ts";
import { createSpApi } from "./spapi.ts";
import { createQueues, type Queue, type QueueOptions } from "./sqs/queues.ts";
import { serveSqs } from "./sqs/server.ts";
import type { AccessKey } from "./sqs/signature.ts";
import type { Seller } from "./state.ts";
import { type Stall, serveStore } from "./storefront.ts";
import { createSubmissions, type Fortune } from "./submissions.ts";
import { createSubscriptions } from "./subscriptions.ts";

export type { Bought, SeedListing } from "./people.ts";
export type { Queue } from "./sqs/queues.ts";

export type AmazonOptions = Partial<Settings> & {
	app: {
		/** `amzn1.sp.solution.…` */
		id: string;
		clientId: string;
		clientSecret: string;
		redirectUris: readonly string[];
		draft?: boolean;
		/** A restricted role, for buyers' names and addresses. Default: none. */
		personalData?: boolean;
	};
	/** Name in books and faults, and of the first seller. */
	channel?: string;
	/** Name of our own AWS account in books and faults. */
	queueChannel?: string;
	accountId?: string;
	/** Where a person's browser finds the app's public addresses. */
	toBrowser?: (url: string) => string;
};

/** One selling account, its stores, its buyers. */
export type AmazonSeller = People & {
	id: string;
	channel: string;
	marketplaceIds: readonly string[];
	/** The seller says yes without a page: the code of the redirect. */
	authorise(): { spapiOauthCode: string; sellingPartnerId: string };
	/** In Seller Central: the application may no longer do anything. */
	revoke(): void;
	/** The account's insides, for tests that start from a given state. */
	state: Seller;
};

/** Amazon as an app meets it: sign-in, the Selling Partner API of three regions, notifications in queues, reports, buyers. */
export type Amazon = {
	createSeller(options?: {
		id?: string;
		name?: string;
		/** Store ids of one region, home first. Default: the United States. */
		marketplaces?: readonly string[];
		channel?: string;
		supplySource?: string;
		sharedQuantity?: boolean;
	}): AmazonSeller;
	/** A standard queue in our own AWS account. */
	createQueue(options: Omit<QueueOptions, "awsRegion"> & { awsRegion?: string }): Queue;
	/** A key of an IAM user who may use the queues. */
	addAccessKey(): AccessKey;
	/** What a person would do on the page: the address where the browser goes then, null after a no. */
	answerConsent(url: string, answer: { sellerId?: string; allow: boolean }): string | null;
	/** The old secret works for `overlapMs` more (docs rotating-your-apps-lwa-credentials: seven days). */
	rotateSecret(options?: { overlapMs?: number }): string;
	/** What becomes of the next accepted write. */
	nextSubmission(fortune: Fortune): void;
	/** Writes and notifications that are on their way. */
	waiting(): { submissions: number; notifications: number };
	/** From a consent address to the hosts of documents: all that the stand-in serves. */
	hosts(): string[];
};

const WEEK_MS = 7 * 24 * 3_600_000;

/** As slow as real, and everything can be made immediate. */
const DEFAULTS: Settings = {
	patchMs: [5_000, 60_000],
	noticeMs: [1_000, 10_000],
	pendingMs: [30_000, 30 * 60_000],
	shipMs: [4 * 3_600_000, 48 * 3_600_000],
	unpaidShare: 0.02,
	searchLagMs: 2 * 60_000,
	reportMs: [20_000, 120_000],
	reportCacheMs: 3_600_000,
	gzipReports: true,
	roundTripMs: [0, 0],
	unknownSku: "not-found",
	cancelledQuantity: "ordered",
	plans: {},
	redeliveredShare: 0,
};

export function createAmazon(world: World, options: AmazonOptions): Amazon {
	const keys: AccessKey[] = [];
	const realm = openRealm(world, options);
	const reports = createReports(realm);
	const api = createSpApi(realm, reports);
	const toBrowser = options.toBrowser ?? ((url: string) => url);
	const hosts: string[] = [];
	const stalls = new Map<string, Stall>();
	const serve: World["serve"] = (host, handler) => {
		hosts.push(host);
		world.serve(host, handler);
	};

	serve("api.amazon.com", (request, response, url) => serveLwa(realm, request, response, url));
	for (const host of new Set(MARKETPLACES.map((m) => m.sellerCentral))) {
		serve(host, (request, response, url) => serveSellerCentral(realm, request, response, { url, toBrowser }));
	}
	for (const marketplace of MARKETPLACES) {
		serve(marketplace.domain, (request, response) => serveStore(realm, request, response, { marketplace, stalls }));
	}
	for (const region of Object.values(REGIONS)) {
		const { awsRegion } = region;
		serve(region.apiHost, (request, response, url) => api(region, request, response, url));
		serve(region.documentHost, (_, response, url) => reports.serve(region, response, url));
		serve(`sqs.${awsRegion}.amazonaws.com`, (request, response, url) => serveSqs(realm, request, response, { url, awsRegion, keys }));
	}

	return {
		createSeller({ id, name = "Example Seller", marketplaces = [US], channel, supplySource, sharedQuantity = false } = {}) {
			const places = marketplaces.map(marketplaceOf);
			const [home] = places;
			if (!home || places.some((m) => m.region !== home.region)) throw new Error("An account's stores are of one region");
			const seller: Seller = {
				id: id ?? `A${realm.letters(13).toUpperCase()}`,
				name,
				region: REGIONS[home.region],
				channel: channel ?? (realm.sellers.size === 0 ? realm.channel : `${realm.channel}-${realm.sellers.size + 1}`),
				marketplaces: places,
				listings: new Map(),
				orders: new Map(),
				fba: new Map(),
				supplySource: supplySource ?? null,
				sharedQuantity,
			};
			realm.sellers.set(seller.id, seller);
			const people = createPeople(realm, seller);
			stalls.set(seller.id, { name, people });
			return {
				...people,
				id: seller.id,
				channel: seller.channel,
				marketplaceIds: places.map((m) => m.id),
				authorise: () => ({ spapiOauthCode: realm.grants.authorise(seller), sellingPartnerId: seller.id }),
				revoke: () => realm.grants.revoke(seller),
				state: seller,
			};
		},
		createQueue: ({ awsRegion = REGIONS.na.awsRegion, ...queue }) => realm.queues.create({ ...queue, awsRegion }),
		addAccessKey() {
			const key = { id: `AKIA${realm.letters(16).toUpperCase()}`, secret: realm.letters(40) };
			keys.push(key);
			return key;
		},
		answerConsent: (url, answer) => answerConsent(realm, new URL(url), answer),
		rotateSecret({ overlapMs = WEEK_MS } = {}) {
			const value = `amzn1.oa2-cs.v1.${realm.letters(40)}`;
			for (const old of realm.app.secrets) old.until ??= world.clock.now() + overlapMs;
			realm.app.secrets.unshift({ value, until: null });
			return value;
		},
		nextSubmission: (fortune) => realm.submissions.next(fortune),
		waiting: () => ({ submissions: realm.submissions.waiting(), notifications: realm.notices.waiting() }),
		hosts: () => hosts,
	};
}

function openRealm(world: World, options: AmazonOptions): Realm {
	const { app, channel = "amazon", queueChannel = "sqs", accountId = "123456789012", toBrowser: _, ...given } = options;
	const settings: Settings = { ...DEFAULTS, ...given };
	const tokens = world.random.fork("amazon tokens");
	const from = (characters: string, length: number) =>
		Array.from({ length }, () => characters[tokens.between(0, characters.length - 1)]).join("");
	const letters = (length: number) => from("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789", length);
	const hex = (length: number) => from("0123456789abcdef", length);
	const uuid = () => `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
	const queues = createQueues({
		clock: world.clock,
		dice: world.random.fork("amazon queues"),
		accountId,
		redeliveredShare: settings.redeliveredShare,
		uuid,
	});
	const known: App = {
		id: app.id,
		clientId: app.clientId,
		secrets: [{ value: app.clientSecret, until: null }],
		redirectUris: app.redirectUris,
		draft: app.draft ?? false,
		personalData: app.personalData ?? false,
	};
	const realm: Realm = {
		world,
		channel,
		queueChannel,
		app: known,
		settings,
		sellers: new Map(),
		grants: createGrants(world.clock, letters),
		queues,
		notices: createNotices(() => realm, createSubscriptions(queues, uuid)),
		submissions: createSubmissions(() => realm),
		dice: world.random.fork("amazon"),
		uuid,
		letters,
		digits: (length) => `${tokens.between(1, 9)}${from("0123456789", length - 1)}`,
	};
	return realm;
}
