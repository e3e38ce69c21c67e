import type { RegionId } from "./marketplaces.ts";
import type { Queue, Queues } from "./sqs/queues.ts";
import type { Seller } from "./state.ts";

/** What Amazon can tell of, with its payload version; from the published schemas' examples. */
export const NOTIFICATION_TYPES: Readonly<Record<string, string>> = {
	ORDER_CHANGE: "1.0",
	LISTINGS_ITEM_MFN_QUANTITY_CHANGE: "1.0",
	LISTINGS_ITEM_ISSUES_CHANGE: "2023-12-13",
	LISTINGS_ITEM_STATUS_CHANGE: "1.0",
	FBA_INVENTORY_AVAILABILITY_CHANGES: "1.0",
	REPORT_PROCESSING_FINISHED: "2020-09-04",
};

export type Destination = { id: string; name: string; region: RegionId; arn: string };

export type EventFilter = { eventFilterType: string; orderChangeTypes?: string[]; marketplaceIds?: string[] };
export type Directive = { eventFilter?: EventFilter; filterExpression?: string };

export type Subscription = {
	id: string;
	type: string;
	seller: Seller;
	destination: Destination;
	payloadVersion: string;
	directive: Directive | null;
};

/** Destinations belong to the application and a region, subscriptions to a seller and a type: at most one of each. */
export type Subscriptions = {
	destinations(region: RegionId): Destination[];
	destination(region: RegionId, id: string): Destination | undefined;
	addDestination(made: Omit<Destination, "id">): Destination;
	removeDestination(id: string): void;
	of(seller: Seller, type: string): Subscription[];
	/** Grantless callers look by id: any of the application's own. */
	byId(type: string, id: string): Subscription | undefined;
	to(destination: Destination): Subscription[];
	subscribe(made: Omit<Subscription, "id">): Subscription;
	unsubscribe(id: string): void;
	queueOf(subscription: Subscription): Queue | undefined;
};

export function createSubscriptions(queues: Queues, uuid: () => string): Subscriptions {
	const destinations = new Map<string, Destination>();
	const subscriptions = new Map<string, Subscription>();
	return {
		destinations: (region) => [...destinations.values()].filter((d) => d.region === region),
		destination(region, id) {
			const found = destinations.get(id);
			return found?.region === region ? found : undefined;
		},
		addDestination(made) {
			const destination = { id: uuid(), ...made };
			destinations.set(destination.id, destination);
			return destination;
		},
		removeDestination: (id) => void destinations.delete(id),
		of: (seller, type) => [...subscriptions.values()].filter((s) => s.seller === seller && s.type === type),
		byId: (type, id) => [...subscriptions.values()].find((s) => s.type === type && s.id === id),
		to: (destination) => [...subscriptions.values()].filter((s) => s.destination === destination),
		subscribe(made) {
			const subscription = { id: uuid(), ...made };
			subscriptions.set(subscription.id, subscription);
			return subscription;
		},
		unsubscribe: (id) => void subscriptions.delete(id),
		queueOf(subscription) {
			if (!subscriptions.has(subscription.id)) return undefined;
			const queue = queues.byArn(subscription.destination.arn);
			return queue?.allowsAmazon ? queue : undefined;
		},
	};
}
