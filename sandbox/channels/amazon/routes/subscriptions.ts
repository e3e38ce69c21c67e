import { type Answer, BadRequest, CANNOT_PARSE, type Call, failure, ok, type Route, record } from "../api.ts";
import { type Directive, type EventFilter, NOTIFICATION_TYPES, type Subscription } from "../subscriptions.ts";

const BY_TYPE = /^\/notifications\/v1\/subscriptions\/([^/]+)$/;
const BY_ID = /^\/notifications\/v1\/subscriptions\/([^/]+)\/([^/]+)$/;
const FILTERED_TYPES = ["ANY_OFFER_CHANGED", "ORDER_CHANGE", "SHIPMENT_TRACKING_MILESTONE_CHANGED"];
const ORDER_CHANGES = ["BuyerRequestedChange", "DeliveryTipChange", "OrderStatusChange"];

/** What a seller's account tells the application. Looking by id and deleting are for the application itself. */
export const subscriptionRoutes: readonly Route[] = [
	{ operation: "getSubscriptions", method: "GET", path: /^\/notifications\/v1\/subscriptions$/, caller: "seller", run: list },
	{ operation: "getSubscription", method: "GET", path: BY_TYPE, caller: "seller", run: read },
	{ operation: "createSubscription", method: "POST", path: BY_TYPE, caller: "seller", run: create },
	{ operation: "getSubscriptionById", method: "GET", path: BY_ID, caller: "grantless", run: readById },
	{ operation: "deleteSubscriptionById", method: "DELETE", path: BY_ID, caller: "grantless", run: remove },
];

const view = ({ id, payloadVersion, destination, directive }: Subscription) => ({
	subscriptionId: id,
	payloadVersion,
	destinationId: destination.id,
	...(directive ? { processingDirective: directive } : {}),
});
const unknown = () => failure(404, "NotFound", "The requested resource was not found.", "Subscription not found");

function typeOf({ path }: Call, type = path[0] ?? ""): string {
	if (!(type in NOTIFICATION_TYPES)) throw new BadRequest("Invalid Input", `Unknown notification type ${type}`);
	return type;
}

/** A seller has few: one page holds them all. */
function list(call: Call): Answer {
	const [type] = call.query.list("notificationTypes", { max: 1 }) ?? [];
	const version = call.query.one("payloadVersion");
	const found = call.realm.notices.subscriptions
		.of(call.seller, typeOf(call, type ?? ""))
		.filter((s) => !version || s.payloadVersion === version);
	return ok({ payload: { subscriptions: found.map(view) } });
}

function read(call: Call): Answer {
	const version = call.query.one("payloadVersion");
	const found = call.realm.notices.subscriptions.of(call.seller, typeOf(call)).find((s) => !version || s.payloadVersion === version);
	return found ? ok({ payload: view(found) }) : unknown();
}

function create(call: Call): Answer {
	const { realm, region, seller, body } = call;
	const type = typeOf(call);
	const { payloadVersion, destinationId, processingDirective } = record(body) ?? {};
	if (typeof destinationId !== "string" || typeof payloadVersion !== "string") throw new BadRequest(CANNOT_PARSE);
	if (payloadVersion !== NOTIFICATION_TYPES[type]) throw new BadRequest("Invalid Input", `payloadVersion ${payloadVersion} of ${type}`);
	const directive = processingDirective === undefined ? null : readDirective(type, processingDirective);
	const { subscriptions } = realm.notices;
	const destination = subscriptions.destination(region.id, destinationId);
	if (!destination) return failure(404, "NotFound", "The requested resource was not found.", "Destination not found");
	if (subscriptions.of(seller, type).length > 0) {
		// The words of amzn/selling-partner-api-models issues 1960 and 2145.
		const message = "The resource specified conflicts with the current state.";
		return failure(409, "StateConflict", message, `Subscription already exist for notification type ${type}`);
	}
	return ok({ payload: view(subscriptions.subscribe({ type, seller, destination, payloadVersion, directive })) });
}

function readDirective(type: string, given: unknown): Directive {
	const { eventFilter, filterExpression } = record(given) ?? {};
	if (filterExpression !== undefined) throw new BadRequest("Invalid Input", "The stand-in does not know filterExpression.");
	if (eventFilter === undefined) return {};
	const filter = record(eventFilter) ?? {};
	const strings = (value: unknown) => Array.isArray(value) && value.every((v) => typeof v === "string");
	const { eventFilterType, orderChangeTypes, marketplaceIds } = filter;
	if (eventFilterType !== type || !FILTERED_TYPES.includes(type)) throw new BadRequest("Invalid Input", `eventFilterType of ${type}`);
	if (marketplaceIds !== undefined && !strings(marketplaceIds)) throw new BadRequest(CANNOT_PARSE, "marketplaceIds");
	if (orderChangeTypes !== undefined) {
		const known = strings(orderChangeTypes) && (orderChangeTypes as string[]).every((t) => ORDER_CHANGES.includes(t));
		if (!known) throw new BadRequest(CANNOT_PARSE, "orderChangeTypes");
	}
	return { eventFilter: filter as EventFilter };
}

function readById({ realm, path }: Call): Answer {
	const found = realm.notices.subscriptions.byId(path[0] ?? "", path[1] ?? "");
	return found ? ok({ payload: view(found) }) : unknown();
}

function remove({ realm, path }: Call): Answer {
	const found = realm.notices.subscriptions.byId(path[0] ?? "", path[1] ?? "");
	if (!found) return unknown();
	realm.notices.subscriptions.unsubscribe(found.id);
	return ok({});
}
