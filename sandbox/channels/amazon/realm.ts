import type { Random } from "../../random.ts";
import type { World } from "../../world.ts";
import type { Grants } from "./grants.ts";
import type { Notices } from "./notices.ts";
import type { Queues } from "./sqs/queues.ts";
import type { Seller } from "./state.ts";
import type { Submissions } from "./submissions.ts";
import type { Plan } from "./usage-plans.ts";

/** Milliseconds of the sandbox's clock, from … to, drawn anew each time. */
export type Span = readonly [from: number, to: number];

export type Settings = {
	/** From ACCEPTED to applied. */
	patchMs: Span;
	/** From a change to its message in the queue. */
	noticeMs: Span;
	/** How long payment is checked: the order is PENDING. */
	pendingMs: Span;
	/** From payable to shipped; null: only when the seller ships. */
	shipMs: Span | null;
	/** Of all pending orders so many are never paid, and are cancelled. */
	unpaidShare: number;
	/** Order searches see the world so late. */
	searchLagMs: number;
	reportMs: Span;
	/** A report that is younger than this is given again instead of a new one. */
	reportCacheMs: number;
	gzipReports: boolean;
	roundTripMs: Span;
	/** What a write to an unknown SKU is answered with; see README. */
	unknownSku: "not-found" | "accepted";
	/** What a cancelled order's lines say they were: the pieces ordered, or none. */
	cancelledQuantity: "ordered" | "zero";
	/** Usage plans that differ from the published ones. */
	plans: Readonly<Record<string, Plan>>;
	/** Of all messages that were deleted so many come once more. */
	redeliveredShare: number;
};

/** The one application that Amazon knows. */
export type App = {
	/** `amzn1.sp.solution.…` */
	id: string;
	clientId: string;
	/** Newest first; an older one works until `until`. */
	secrets: { value: string; until: number | null }[];
	redirectUris: readonly string[];
	/** A draft is authorised with `version=beta` only. */
	draft: boolean;
	/** A role for buyers' personal data. */
	personalData: boolean;
};

/** What every part of the stand-in works with. */
export type Realm = {
	world: World;
	/** Books and faults of what belongs to no seller: tokens, destinations. */
	channel: string;
	/** Books and faults of our own AWS account. */
	queueChannel: string;
	app: App;
	settings: Settings;
	sellers: Map<string, Seller>;
	grants: Grants;
	queues: Queues;
	notices: Notices;
	submissions: Submissions;
	dice: Random;
	uuid(): string;
	/** So many characters that look random and are the same for the same seed. */
	letters(length: number): string;
	digits(length: number): string;
};

export const draw = (realm: Realm, [from, to]: Span) => realm.dice.between(from, to);
export const iso = (at: number) => new Date(at).toISOString();
/** Orders and listings carry whole seconds. */
export const isoSeconds = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;
export const violation = (realm: Realm, channel: string, rule: string, detail: string) =>
	realm.world.books.violated({ channel, rule, detail });
