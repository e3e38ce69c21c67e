import { draw, type Realm } from "./realm.ts";
import { type Listing, listingOf, type MerchantOffer, type Seller } from "./state.ts";
import { setQuantity } from "./stock.ts";

/** What a patch makes of the seller's own offer. */
export type Change =
	| { op: "merge"; quantity?: number; leadTimeDays?: number | null; restockDate?: string | null }
	| { op: "replace"; quantity: number; leadTimeDays: number | null; restockDate: string | null }
	| { op: "delete" };

/** What becomes of the next submission that is accepted. */
export type Fortune =
	/** Accepted, and refused when it is worked on: the listing then carries an issue. */
	| { kind: "refused-later"; code?: string; message?: string }
	/** Worked on so late that newer ones are overtaken, and then overwritten. */
	| { kind: "overtaken"; delayMs: number };

export type Submissions = {
	/** Accepted: applied later, in the order of acceptance. */
	accept(seller: Seller, listing: Listing, change: Change): void;
	next(fortune: Fortune): void;
	/** Accepted and not applied yet. */
	waiting(): number;
};

type Submission = { seller: Seller; listing: Listing; change: Change; refusal: Extract<Fortune, { kind: "refused-later" }> | null };

export function createSubmissions(realm: () => Realm): Submissions {
	const lines = new Map<MerchantOffer, Submission[]>();
	const fortunes: Fortune[] = [];
	let late = 0;

	/** Works on everything up to `last`: an older submission never waits behind a newer one of the same offer. */
	const workOff = (offer: MerchantOffer, last: Submission) => {
		const line = lines.get(offer) ?? [];
		for (const done of line.splice(0, line.indexOf(last) + 1)) apply(realm(), done);
	};

	return {
		accept(seller, listing, change) {
			const offer = listing.merchant;
			if (!offer) throw new Error(`${listing.sku} has no offer of the seller's own`);
			const fortune = fortunes.shift() ?? null;
			const submission = { seller, listing, change, refusal: fortune?.kind === "refused-later" ? fortune : null };
			const { clock } = realm().world;
			if (fortune?.kind === "overtaken") {
				late++;
				clock.after(fortune.delayMs, () => {
					late--;
					apply(realm(), submission);
				});
				return;
			}
			const line = lines.get(offer) ?? [];
			lines.set(offer, line);
			line.push(submission);
			const delayMs = draw(realm(), realm().settings.patchMs);
			if (delayMs === 0) workOff(offer, submission);
			else clock.after(delayMs, () => workOff(offer, submission));
		},
		next: (fortune) => void fortunes.push(fortune),
		waiting: () => late + [...lines.values()].reduce((sum, line) => sum + line.length, 0),
	};
}

function apply(realm: Realm, { seller, listing, change, refusal }: Submission) {
	const offer = listing.merchant;
	// The offer may be gone by now.
	if (!offer || listingOf(seller, listing.marketplace.id, listing.sku) !== listing) return;
	if (refusal) {
		const { code = "8541", message = "The SKU data provided is different from what's already in the Amazon catalog." } = refusal;
		listing.issues = [
			{
				code,
				message,
				severity: "ERROR",
				attributeNames: ["fulfillment_availability"],
				categories: ["INVALID_ATTRIBUTE"],
				marketplaceIds: [listing.marketplace.id],
			},
		];
		realm.notices.issuesChanged(seller, listing);
		return;
	}
	listing.issues = [];
	if (change.op === "delete") {
		Object.assign(offer, { leadTimeDays: null, restockDate: null });
		return setQuantity(realm, seller, listing, 0, "write");
	}
	if (change.leadTimeDays !== undefined) offer.leadTimeDays = change.leadTimeDays;
	if (change.restockDate !== undefined) offer.restockDate = change.restockDate;
	if (change.quantity !== undefined) setQuantity(realm, seller, listing, change.quantity, "write");
}
