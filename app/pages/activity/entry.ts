/** One thing that somebody did, in a merchant's words. */
export type Entry = {
	id: number;
	at: string;
	/** "You", a name, or "Lockstep". */
	who: string;
	what: string;
	/** What was there before and after, where that can be said in words. */
	before: string | null;
	after: string | null;
	/** The page on which it can be followed. */
	url: string | null;
	/** There is a door that takes it back. */
	undoable: boolean;
};

export const ENTRY_KINDS = [
	"rules",
	"pauses",
	"links",
	"bundles",
	"channels",
	"failures",
	"oversells",
	"approvals",
	"bulk",
	"people",
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** The audit's actions by kind; what begins with a kind's word belongs to it. */
export const ACTIONS: Readonly<Record<EntryKind, readonly string[]>> = {
	rules: ["policy.changed", "rules.bulk_changed", "defaults.changed"],
	pauses: ["listings.paused", "listings.resumed", "listings.bulk_paused", "listings.bulk_resumed"],
	links: ["listings.linked", "listings.unlinked", "listings.moved"],
	bundles: ["bundle.changed"],
	channels: [
		"connection.created",
		"connection.renewed",
		"connection.watching",
		"connection.live",
		"connection.paused",
		"connection.disconnected",
		"connection.mirrored_answered",
		"locations.chosen",
		"polling.changed",
		"check.asked",
		"check.tolerance_changed",
	],
	failures: [
		"failures.discarded",
		"message.corrected",
		"order.read_again",
		"replay.begun",
		"replay.paused",
		"replay.resumed",
		"replay.cancelled",
		"replay.ended",
		"problem.acknowledged",
		"problem.ignored",
		"problem.reopened",
	],
	approvals: ["changes.approved", "changes.kept", "changes.written_back", "guards.changed"],
	oversells: [
		"oversell.covered",
		"oversell.moved",
		"oversell.cancelled",
		"oversell.substituted",
		"oversell.dismissed",
		"oversell.reopened",
		"oversell.send_instead",
		"oversell.cancel_asked",
		"oversell.cancel_refused",
		"oversells.afterwards_chosen",
	],
	bulk: [
		"bulk.applied",
		"bulk.rolled_back",
		"bulk.orders_read",
		"bulk.listings_read",
		"bulk.paused",
		"bulk.resumed",
		"bulk.cancelled",
		"rules.bulk_changed",
		"listings.bulk_paused",
		"listings.bulk_resumed",
	],
	people: ["right.changed", "member.named", "newcomers.right_changed", "emails.changed", "view.saved", "view.deleted"],
};

/** Their subject is the bulk change, not a channel. */
export const BULK_ACTIONS = ["rules.bulk_changed", "listings.bulk_paused", "listings.bulk_resumed", "bulk.applied", "bulk.rolled_back"];

export const UNDOABLE = [
	"policy.changed",
	"rules.bulk_changed",
	"listings.paused",
	"listings.resumed",
	"listings.bulk_paused",
	"listings.bulk_resumed",
	"locations.chosen",
	"polling.changed",
	"listings.linked",
	"listings.unlinked",
	"listings.moved",
	"bundle.changed",
	"bulk.applied",
	"bulk.rolled_back",
	"check.tolerance_changed",
];

/** A row of the audit as it lies in the database. */
export type AuditRow = { id: number; actor: string; action: string; subject: string; before: unknown; after: unknown; at: Date };
