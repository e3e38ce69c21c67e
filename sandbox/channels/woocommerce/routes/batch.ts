import { crashIfMagic } from "../magic.ts";
import { type Answer, failure, type RestCall, violation } from "../rest.ts";
import { phpJson, type Shop } from "../shop.ts";

/** Create, update and delete together (recorded: products-batch). */
const BATCH_MAX = 100;

type BatchVerbs = {
	create(entry: Record<string, unknown>): Answer | Promise<Answer>;
	update(id: number, entry: Record<string, unknown>): Answer | Promise<Answer>;
	remove(id: number, force: boolean): Answer | Promise<Answer>;
};

/** One answer of 200 whatever becomes of the entries; they run one after the other, and nothing in them is checked. */
export async function runBatch(shop: Shop, call: RestCall, verbs: BatchVerbs): Promise<Answer> {
	const { create, update, delete: remove } = call.rawBody;
	const [creates, updates, removes] = [entries(create), entries(update), entries(remove)];
	const total = creates.length + updates.length + removes.length;
	if (total > BATCH_MAX) {
		violation(shop, "batch over 100", `${total} entries`);
		return failure(413, "woocommerce_rest_request_entity_too_large", `Unable to accept more than ${BATCH_MAX} items for this request.`);
	}
	const body: Record<string, unknown[]> = {};
	for (const entry of creates) put(body, "create", await verbs.create(object(entry)), 0);
	for (const entry of updates) {
		noteQuantities(shop, object(entry));
		const id = object(entry).id;
		crashIfMagic(shop, Number(id) || 0);
		put(body, "update", await verbs.update(Number(id) || 0, object(entry)), id ?? null);
	}
	for (const id of removes) put(body, "delete", await verbs.remove(Number(id) || 0, call.rawBody.force === true), id);
	// PHP's empty array is a list.
	return { status: 200, body: Object.keys(body).length > 0 ? body : [] };
}

function put(body: Record<string, unknown[]>, verb: string, answer: Answer, id: unknown) {
	const list = body[verb] ?? [];
	body[verb] = list;
	list.push(answer.status < 400 ? answer.body : { id, error: answer.body });
}

/** `{"update":{"id":1}}` is walked like a list: its value 1 is an entry without id (recorded: products-batch). */
const entries = (value: unknown): unknown[] =>
	Array.isArray(value) ? value : typeof value === "object" && value !== null ? Object.values(value) : [];
const object = (value: unknown) => (typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {});

/** What a careful caller never sends (sheet section 6): null sets 0, text and fractions are cut silently. */
export function noteQuantities(shop: Shop, body: Record<string, unknown>) {
	if (!("stock_quantity" in body)) return;
	const quantity = body.stock_quantity;
	if (quantity === null) violation(shop, "stock_quantity null", phpJson(body));
	else if (typeof quantity !== "number") violation(shop, "stock_quantity as text", phpJson(body));
	else if (!Number.isInteger(quantity)) violation(shop, "stock_quantity with a fraction", phpJson(body));
}
