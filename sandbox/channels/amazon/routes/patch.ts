import { type Answer, BadRequest, CANNOT_PARSE, type Call, ok, type Route, record } from "../api.ts";
import { violation } from "../realm.ts";
import { type Issue, type Listing, listingOf } from "../state.ts";
import type { Change } from "../submissions.ts";
import { channelCode } from "../views/listing.ts";
import { notFound, readPlaces } from "./listings.ts";

const ATTRIBUTE = "fulfillment_availability";
const OPS = ["add", "replace", "merge", "delete"];

export const patchRoutes: readonly Route[] = [
	{
		operation: "patchListingsItem",
		method: "PATCH",
		path: /^\/listings\/2021-08-01\/items\/([^/]+)\/([^/]+)$/,
		caller: "seller",
		run: patch,
	},
];

type Problem = Omit<Issue, "severity" | "marketplaceIds">;
type Read = { change: Change } | { problem: Problem };

/** Accepted means queued: what a buyer sees changes later, or never. */
function patch(call: Call): Answer {
	const { realm, seller, path, query } = call;
	const places = readPlaces(call);
	const sku = path[1] ?? "";
	const preview = query.list("mode", { known: ["VALIDATION_PREVIEW"] }) !== undefined;
	const datasets = query.list("includedData", { known: ["identifiers", "issues"] }) ?? ["issues"];
	const { productType, patches } = readBody(call.body);
	const listings = places.flatMap((id) => listingOf(seller, id, sku) ?? []);
	const answer = (status: string, problems: readonly Problem[]): Answer =>
		ok({
			sku,
			status,
			submissionId: realm.uuid().replaceAll("-", ""),
			...(datasets.includes("issues")
				? { issues: problems.map((problem) => ({ ...problem, severity: "ERROR", marketplaceIds: places })) }
				: {}),
			...(datasets.includes("identifiers")
				? { identifiers: listings.map((l) => ({ marketplaceId: l.marketplace.id, asin: l.asin })) }
				: {}),
		});
	if (listings.length === 0) return realm.settings.unknownSku === "accepted" ? answer("ACCEPTED", []) : notFound(sku, places);

	const read = listings.flatMap((listing) => patches.map((one) => ({ listing, ...readChange(call, listing, productType, one) })));
	const problems = read.flatMap((one) => ("problem" in one ? [one.problem] : []));
	if (problems.length > 0) return answer("INVALID", problems);
	if (preview) return answer("VALID", []);
	for (const one of read) if ("change" in one) realm.submissions.accept(seller, one.listing, one.change);
	return answer("ACCEPTED", []);
}

type Patch = { op: string; attribute: string; value: Record<string, unknown>[] };

function readBody(body: unknown): { productType: string; patches: Patch[] } {
	const { productType, patches } = record(body) ?? {};
	if (typeof productType !== "string" || !Array.isArray(patches) || patches.length === 0) throw new BadRequest(CANNOT_PARSE);
	return {
		productType,
		patches: patches.map((entry) => {
			const { op, path, value = [] } = record(entry) ?? {};
			const attribute = typeof path === "string" ? /^\/attributes\/([^/]+)$/.exec(path)?.[1] : undefined;
			const values = Array.isArray(value) ? value.map(record) : [null];
			if (typeof op !== "string" || !OPS.includes(op) || !attribute || values.includes(null)) throw new BadRequest(CANNOT_PARSE);
			return { op, attribute, value: values as Record<string, unknown>[] };
		}),
	};
}

const problem = (code: string, message: string, attribute: string, category = "INVALID_ATTRIBUTE"): Read => ({
	problem: { code, message, attributeNames: [attribute], categories: [category] },
});

/** 90000900, 90220: codes seen in the published examples (models/listingsItems_2021-08-01.json). */
function readChange(call: Call, listing: Listing, productType: string, { op, attribute, value }: Patch): Read {
	if (productType !== "PRODUCT" && productType !== listing.productType) {
		return problem("90000902", `The product type ${productType} is not valid for this listing.`, "product_type");
	}
	if (attribute !== ATTRIBUTE) return problem("90000900", "The attributes are invalid.", attribute);
	const [given] = value;
	if (!given || value.length > 1) return problem("90220", `'${ATTRIBUTE}' is required but not supplied.`, ATTRIBUTE, "MISSING_ATTRIBUTE");
	const code = given.fulfillment_channel_code;
	if (typeof code !== "string" || code === "") {
		const said = `The field 'fulfillment_channel_code' for the attribute '${ATTRIBUTE}' does not have enough values. The required minimum is '1' value(s).`;
		return problem("90220", said, ATTRIBUTE, "MISSING_ATTRIBUTE");
	}
	const refused = refuseCode(call, listing, code);
	if (refused) return refused;
	const { quantity, lead_time_to_ship_max_days: leadTimeDays, restock_date: restockDate } = given;
	if (quantity !== undefined && !isQuantity(quantity)) return problem("90000900", "The attributes are invalid.", ATTRIBUTE);
	if (leadTimeDays !== undefined && !isQuantity(leadTimeDays)) return problem("90000900", "The attributes are invalid.", ATTRIBUTE);
	const restock = typeof restockDate === "string" ? restockDate : undefined;
	if (op === "delete") return { change: { op } };
	if (op === "merge") {
		return {
			change: {
				op,
				...(quantity === undefined ? {} : { quantity }),
				...(leadTimeDays === undefined ? {} : { leadTimeDays }),
				...(restock === undefined ? {} : { restockDate: restock }),
			},
		};
	}
	const { realm, channel } = call;
	if (leadTimeDays === undefined && listing.merchant?.leadTimeDays !== null) {
		violation(realm, channel, "handling time wiped", `${op} of ${ATTRIBUTE} for ${listing.sku} without lead_time_to_ship_max_days`);
	}
	return { change: { op: "replace", quantity: quantity ?? 0, leadTimeDays: leadTimeDays ?? null, restockDate: restock ?? null } };
}

/** Amazon's own stock is Amazon's, and a seller with several locations has no `DEFAULT`. */
function refuseCode({ realm, channel, seller }: Call, listing: Listing, code: string): Read | null {
	if (/^AMAZON_/.test(code) || !listing.merchant) {
		violation(realm, channel, "FBA stock written", `${listing.sku}: ${code}`);
		return problem("99010", "The quantity of an item that Amazon fulfils cannot be changed.", ATTRIBUTE);
	}
	return code === channelCode(seller) ? null : problem("99011", `'${code}' is not a fulfillment channel of this seller.`, ATTRIBUTE);
}

const isQuantity = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value) && value >= 0;
