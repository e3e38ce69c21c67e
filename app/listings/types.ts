import type { Policy } from "#domain";

/** A linked listing as the pure code sees it. Times in milliseconds; `readAt`, `writtenAt` by the channel's clock. */
export type Listing = {
	id: number;
	connectionId: number;
	externalId: string;
	itemId: number;
	policy: Policy | null;
	desired: number | null;
	/** While the channel's own figures are put back (connections/guests/restore.ts): at most this. null: its rule counts. */
	restoreTo: number | null;
	/** What we believe the channel shows; null until it was read once. */
	shown: number | null;
	/** Units that the channel had sold when it was read last and whose orders we do not have yet. */
	unseen: number;
	readAt: number | null;
	/** The reading in which the units of `unseen` were first missed. */
	unseenAt: number | null;
	/** Of `unseen` at most so many were only assumed, or may have been a write of ours: of them nobody is accused. Delivery's. */
	inDoubt: number;
	writtenAt: number | null;
	recheck: boolean;
	/** A figure that the channel told of and that differs from `shown`. */
	seen: number | null;
	ownChanges: number;
	dirtySince: number | null;
	nextAttemptAt: number | null;
	parked: boolean;
};

/** How a connection shows stock: its default policy and the locations that feed it, in order of taking. */
export type ConnectionRules = { policy: Policy; locationIds: readonly number[] };
