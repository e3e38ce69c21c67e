import { type Answer, BadRequest, CANNOT_PARSE, type Call, failure, ok, type Route, record } from "../api.ts";
import type { Destination } from "../subscriptions.ts";

const ONE = /^\/notifications\/v1\/destinations\/([^/]+)$/;
const ALL = /^\/notifications\/v1\/destinations$/;

/** Where Amazon may write: once per region and queue, for the application itself. */
export const destinationRoutes: readonly Route[] = [
	{ operation: "getDestinations", method: "GET", path: ALL, caller: "grantless", run: list },
	{ operation: "createDestination", method: "POST", path: ALL, caller: "grantless", run: create },
	{ operation: "getDestination", method: "GET", path: ONE, caller: "grantless", run: read },
	{ operation: "deleteDestination", method: "DELETE", path: ONE, caller: "grantless", run: remove },
];

const view = ({ id, name, arn }: Destination) => ({ name, destinationId: id, resource: { sqs: { arn } } });
const unknown = () => failure(404, "NotFound", "The requested resource was not found.", "Destination not found");
const find = ({ realm, region, path }: Call) => realm.notices.subscriptions.destination(region.id, path[0] ?? "");

function list({ realm, region }: Call): Answer {
	return ok({ payload: realm.notices.subscriptions.destinations(region.id).map(view) });
}

function create({ realm, region, body }: Call): Answer {
	const { name, resourceSpecification } = record(body) ?? {};
	const arn = record(record(resourceSpecification)?.sqs)?.arn;
	if (typeof name !== "string" || !name || name.length > 256) throw new BadRequest(CANNOT_PARSE, "name");
	if (typeof arn !== "string" || !/^arn:aws:sqs:\S+:\S+:\S+/.test(arn)) throw new BadRequest(CANNOT_PARSE, "resourceSpecification");
	const { subscriptions } = realm.notices;
	if (subscriptions.destinations(region.id).some((d) => d.arn === arn)) {
		const details = `A destination with arn ${arn} already exists for the application ${realm.app.id}`;
		return failure(409, "Conflict", "The requested resource conflict with a resource in the server.", details);
	}
	if (!realm.queues.byArn(arn)?.allowsAmazon) {
		throw new BadRequest("Invalid Input", `The queue ${arn} does not exist or does not allow Amazon to send to it.`);
	}
	return ok({ payload: view(subscriptions.addDestination({ name, region: region.id, arn })) });
}

function read(call: Call): Answer {
	const found = find(call);
	return found ? ok({ payload: view(found) }) : unknown();
}

function remove(call: Call): Answer {
	const found = find(call);
	if (!found) return unknown();
	const { subscriptions } = call.realm.notices;
	// The words of amzn/selling-partner-api-models issue 2113.
	if (subscriptions.to(found).length > 0) {
		return failure(403, "Unauthorized", "The requested action is forbidden.", "Destination has subscriptions");
	}
	subscriptions.removeDestination(found.id);
	return ok({});
}
