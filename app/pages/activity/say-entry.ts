import { isRight, RIGHT_WORDS } from "#app/rights/index.ts";
import { policySchema } from "#domain";
import { failureWords } from "../../components/failure-words.ts";
import { sayGuards } from "../../components/guard-words.ts";
import { sayRule } from "../../components/rule-words.ts";
import { listed, plural } from "../../components/words.ts";
import { type AuditRow, type Entry, UNDOABLE } from "./entry.ts";
import { linkedOf, listingIdsOf, NAMED_MAX, partsOf, type Words } from "./read-words.ts";
import { sayBulk } from "./say-bulk.ts";
import { AFTERWARDS, sayOversell } from "./say-oversell.ts";

type Said = Pick<Entry, "what" | "before" | "after">;
type Fields = Record<string, unknown>;

export function sayEntry(row: AuditRow, words: Words): Entry {
	return {
		id: row.id,
		at: row.at.toISOString(),
		who: words.person(row.actor),
		url: urlOf(row),
		undoable: UNDOABLE.includes(row.action),
		...say(row, words),
	};
}

function urlOf({ action, subject }: AuditRow): string | null {
	if (/^bulk\.|\.bulk_/.test(action)) return `/app/bulk-changes/${Number(subject)}`;
	if (action.startsWith("replay.")) return `/app/failed-updates/runs/${Number(subject)}`;
	if (action.startsWith("changes.")) return `/app/approvals/${Number(subject)}`;
	return action.startsWith("oversell.") ? `/app/oversells/${Number(subject)}` : null;
}

/** An action that this page has no words for yet is shown by its name: better than not at all. */
function say(row: AuditRow, words: Words): Said {
	const before = fieldsOf(row.before);
	const after = fieldsOf(row.after);
	const channel = words.channel(Number(row.subject));
	const things = () => sayListings(row, words);
	const plain = (what: string): Said => ({ what, before: null, after: null });
	if (row.action.startsWith("oversell.")) return sayOversell(row.action, after, words);
	if (row.action.startsWith("bulk.")) return sayBulk(row.action, after, words);
	switch (row.action) {
		case "oversells.afterwards_chosen":
			return {
				what: "Chose what happens after an oversell",
				before: AFTERWARDS[String(before.afterwards)] ?? null,
				after: AFTERWARDS[String(after.afterwards)] ?? null,
			};
		case "policy.changed":
			if (listingIdsOf(row).length === 0)
				return { what: `Changed the rule of ${channel}`, before: sayPolicy(before.policy), after: sayPolicy(after.policy) };
			return { what: `Changed the rule of ${things()} on ${channel}`, before: sayPolicies(before), after: sayPolicies(after) };
		case "rules.bulk_changed": {
			const many = plural(Number(after.listings), "listing");
			if ("undoes" in after) return plain(`Took a bulk change of the rules of ${many} back`);
			return { what: `Changed the rule of ${many} at once`, before: null, after: sayPolicy(after.policy) };
		}
		case "listings.paused":
			return plain(`Paused ${things()} on ${channel}`);
		case "listings.resumed":
			return plain(`Resumed ${things()} on ${channel}`);
		case "listings.bulk_paused":
		case "listings.bulk_resumed": {
			const many = plural(Number(after.listings), "listing");
			const [did, undid] = row.action === "listings.bulk_paused" ? ["Paused", "resuming"] : ["Resumed", "pausing"];
			return plain("undoes" in after ? `Took the ${undid} of ${many} at once back` : `${did} ${many} at once`);
		}
		case "emails.changed":
			return { what: "Changed who is told by e-mail, and of what", before: sayRecipients(before), after: sayRecipients(after) };
		case "failures.discarded":
			return { what: `Discarded ${plural(idsOf(after), "failure")}`, before: null, after: textOf(after.reason) };
		case "message.corrected":
			return {
				what: `Corrected a message of ${channel} that could not be counted`,
				before: sayFields(before.fields),
				after: sayFields(after.fields),
			};
		case "order.read_again":
			return plain(`Had order ${textOf(after.name)} read from ${channel} again`);
		case "replay.begun":
			return {
				what: `Began to try ${plural(Number(after.failures), "failure")} again: ${textOf(after.name)}`,
				before: null,
				after: textOf(after.reason),
			};
		case "replay.paused":
			return plain(`Paused trying again: ${textOf(after.name)}`);
		case "replay.resumed":
			return plain(`Resumed trying again: ${textOf(after.name)}`);
		case "replay.cancelled":
			return plain(`Cancelled the rest of trying again: ${textOf(after.name)}`);
		case "replay.ended":
			return { what: `Ended trying again: ${textOf(after.name)}`, before: null, after: sayReplayed(after) };
		case "problem.acknowledged":
			return plain(`Looks after a problem on ${channel}: ${sayFailed(after)}`);
		case "problem.ignored":
			return plain(`Ignored a problem on ${channel}: ${sayFailed(after)}`);
		case "problem.reopened":
			return plain(`Took back what was said of a problem on ${channel}: ${sayFailed(after)}`);
		case "listings.linked":
			return plain(`Linked ${things()} on ${channel}`);
		case "listings.unlinked":
			return plain(`Took the link of ${things()} on ${channel} away`);
		case "listings.moved":
			return {
				what: `Linked ${things()} on ${channel} to another product`,
				before: sayLinked(row.before, words),
				after: sayLinked(row.after, words),
			};
		case "bundle.changed":
			return {
				what: `Changed what ${words.item(Number(row.subject))} is made of`,
				before: sayParts(row.before, words),
				after: sayParts(row.after, words),
			};
		case "locations.chosen":
			return {
				what: `Chose the locations that feed ${channel}`,
				before: sayLocations(before, words),
				after: sayLocations(after, words),
			};
		case "connection.created":
			return plain(`Connected ${channel}`);
		case "connection.renewed":
			return plain(`Renewed the access to ${channel}`);
		case "connection.watching":
			return plain(`Began to watch ${channel}`);
		case "connection.live":
			return plain(`Went live on ${channel}`);
		case "connection.paused":
			return plain(`Paused all updates to ${channel}`);
		case "connection.disconnected":
			return plain(
				typeof after.restored === "number"
					? `Put ${plural(after.restored, "listing")} of ${channel} back to its figure from before Lockstep, and disconnected it`
					: `Disconnected ${channel}`,
			);
		case "connection.mirrored_answered":
			return plain(`Answered whether another app brings orders of ${channel} into Shopify`);
		case "polling.changed":
			return {
				what: `Changed how often orders of ${channel} are read`,
				before: sayMinutes(before.minutes),
				after: sayMinutes(after.minutes),
			};
		case "check.asked":
			return plain(`Had all stock of ${channel} checked`);
		case "check.tolerance_changed":
			return {
				what: `Changed which differences on ${channel} are only counted`,
				before: sayTolerance(before.units),
				after: sayTolerance(after.units),
			};
		case "right.changed":
			return {
				what: `${after.reason === "first" ? "First to open Lockstep" : after.reason === "newcomer" ? "New here" : "Changed a right"}: ${words.person(row.subject)}`,
				before: sayRight(before.right),
				after: sayRight(after.right),
			};
		case "newcomers.right_changed":
			return { what: "Changed what newcomers may do", before: sayRight(before.right), after: sayRight(after.right) };
		case "member.named":
			return { what: `Named the Shopify user ${row.subject}`, before: textOf(before.name), after: textOf(after.name) };
		case "defaults.changed":
			return { what: "Changed what a new channel begins with", before: sayDefaults(before, words), after: sayDefaults(after, words) };
		case "changes.approved":
			return plain(`Approved what Shopify says of ${plural(Number(after.products), "product")}`);
		case "changes.written_back":
			return plain(`Had the former figures of ${plural(Number(after.products), "product")} written back to Shopify`);
		case "changes.kept":
			return plain(`Kept the former figures of ${plural(Number(after.products), "product")} on the channels`);
		case "guards.changed":
			return { what: "Changed which mass changes wait for approval", before: sayGuards(row.before), after: sayGuards(row.after) };
		case "view.saved":
			return plain(`Saved the view “${row.subject}”`);
		case "view.deleted":
			return plain(`Deleted the view “${row.subject}”`);
		default:
			return plain(sayName(row.action));
	}
}

const sayMinutes = (value: unknown): string => (typeof value === "number" ? `every ${value} minutes` : "as usual");

function sayListings(row: AuditRow, words: Words): string {
	const ids = listingIdsOf(row);
	const names = ids.slice(0, NAMED_MAX).map((id) => words.listing(id));
	if (ids.length <= NAMED_MAX) return listed(names) || "listings";
	return `${plural(ids.length, "listing")} (${names.join(", ")}, …)`;
}

const sayPolicy = (value: unknown): string => {
	if (value === null || value === undefined) return "the channel's rule";
	const read = policySchema.safeParse(value);
	return read.success ? sayRule(read.data) : "a rule of an older release";
};

/** Several listings with several rules: each rule once. */
function sayPolicies(side: Fields): string {
	const own = Array.isArray(side.listings) ? side.listings.map((one) => sayPolicy(fieldsOf(one).policy)) : [sayPolicy(side.policy)];
	const different = [...new Set(own)];
	return different.length > NAMED_MAX ? `${different.slice(0, NAMED_MAX).join("; ")}; …` : different.join("; ");
}

function sayLocations(side: Fields, words: Words): string {
	const ids = Array.isArray(side.locationIds) ? side.locationIds.map(Number) : [];
	return ids.length === 0 ? "all that fulfil online orders" : listed(ids.map((id) => words.location(id)));
}

const sayTolerance = (units: unknown): string => (Number(units) > 0 ? `up to ${plural(Number(units), "unit")}` : "none");

const sayParts = (side: unknown, words: Words): string =>
	listed(partsOf(side).map(({ itemId, quantity }) => `${quantity} × ${words.item(itemId)}`)) || "itself";

const sayLinked = (side: unknown, words: Words): string =>
	listed([...new Set(linkedOf(side).map((itemId) => words.item(itemId)))].slice(0, NAMED_MAX));

/** "line_items.0.quantity: 2" */
const sayFields = (fields: unknown): string =>
	listed(Object.entries(fieldsOf(fields)).map(([path, value]) => `${path}: ${value === null ? "nothing" : String(value)}`));

const sayReplayed = ({ succeeded, failed, nothing, leftAlone }: Fields): string =>
	`${succeeded} succeeded, ${failed} failed again, ${nothing} needed nothing any more, ${leftAlone} left as they were`;

const sayFailed = ({ failures, direction, errorClass }: Fields): string =>
	`${plural(Number(failures), direction === "in" ? "message" : "update")}, ${failureWords(String(errorClass)).label.toLowerCase()}`;

const sayDefaults = (side: Fields, words: Words) => `${sayPolicy(side.policy)}; stock of ${sayLocations(side, words)}`;
const sayRight = (right: unknown): string | null => (isRight(right) ? RIGHT_WORDS[right].name : null);
const idsOf = (side: Fields): number => (Array.isArray(side.ids) ? side.ids.length : 0);
const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);
const sayName = (action: string): string => {
	const text = action.replaceAll(/[._]/g, " ");
	return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
};
const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});

const sayRecipients = ({ recipients, digests }: Fields): string =>
	`${plural(Number(recipients), "address", "addresses")}, ${Number(digests)} with the daily summary`;
