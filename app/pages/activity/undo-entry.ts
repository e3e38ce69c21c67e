import { askForBulkUndo } from "#app/backfill/index.ts";
import { changePolicy, changePolling, chooseLocations, undoLinks } from "#app/connections/guests/index.ts";
import type { Deps } from "#connections";
import { type Policy, policySchema, samePolicy } from "#domain";
import { setTolerance } from "../checks/set-tolerance.ts";
import { saveParts } from "../item/save-parts.ts";
import { pauseChosen, saveRules } from "../stock/change-rules.ts";
import type { AuditRow } from "./entry.ts";
import { listingIdsOf, partsOf } from "./read-words.ts";

export type Undo =
	/** `things`: listings (or the one channel) that are as they were before. */
	| { outcome: "undone"; things: number }
	/** A worker is at it: as many listings as before. */
	| { outcome: "begun"; things: number }
	/** A bulk change is under way; they go one after the other. */
	| { outcome: "busy" }
	/** It was changed again since: undoing this would undo that as well. Nothing was changed. */
	| { outcome: "overtaken" }
	/** The shop has no such entry, or it is of a kind that is not taken back here. */
	| { outcome: "unknown" };

/**
 * Takes back what an entry of the audit did, by the doors that did it: the undoing is an entry of its own and can be undone as well
 * (R45). Only what still stands as the entry left it is touched. Twice, the second finds it overtaken.
 */
export async function undoEntry(deps: Deps, shopId: number, { entryId, actor }: { entryId: number; actor: string }): Promise<Undo> {
	const { rows } = await deps.pool.query<AuditRow>(
		"SELECT id, actor, action, subject, before, after, at FROM audit WHERE shop_id = $1 AND id = $2",
		[shopId, entryId],
	);
	const entry = rows[0];
	if (!entry) return { outcome: "unknown" };
	const connectionId = Number(entry.subject);
	switch (entry.action) {
		case "policy.changed":
			return listingIdsOf(entry).length > 0 ? undoRules(deps, shopId, entry, actor) : undoChannelRule(deps, shopId, entry, actor);
		case "listings.paused":
		case "listings.resumed": {
			// Those that somebody has turned back meanwhile are as they were: they do not change.
			const paused = entry.action === "listings.resumed";
			const done = await pauseChosen(deps, shopId, { listingIds: listingIdsOf(entry), paused, reason: "by hand", actor });
			return done.listings > 0 ? { outcome: "undone", things: done.listings } : { outcome: "overtaken" };
		}
		case "bundle.changed":
			return undoParts(deps, shopId, entry, actor);
		case "rules.bulk_changed":
		case "listings.bulk_paused":
		case "listings.bulk_resumed":
		case "bulk.applied":
		case "bulk.rolled_back": {
			const asked = await askForBulkUndo(deps, shopId, { changeId: connectionId, actor });
			if (asked.outcome === "busy") return asked;
			return asked.outcome === "asked" ? { outcome: "begun", things: asked.listings } : { outcome: "overtaken" };
		}
		case "check.tolerance_changed":
			return undoTolerance(deps, shopId, entry, actor);
		case "locations.chosen":
			return undoLocations(deps, shopId, entry, actor);
		case "polling.changed":
			return undoPolling(deps, shopId, entry, actor);
		case "listings.linked":
		case "listings.unlinked":
		case "listings.moved": {
			const done = await undoLinks(deps, shopId, connectionId, { auditId: entry.id, actor });
			if (done.outcome === "unknown") return done;
			return done.listings > 0 ? { outcome: "undone", things: done.listings } : { outcome: "overtaken" };
		}
		default:
			return { outcome: "unknown" };
	}
}

type Rule = { id: number; policy: Policy | null };
type RuleSide = { listings?: { id: number; policy: unknown }[]; policy?: unknown; listingIds?: number[] | null } | null;

async function undoRules(deps: Deps, shopId: number, entry: AuditRow, actor: string): Promise<Undo> {
	const before = entry.before as RuleSide;
	const after = entry.after as RuleSide;
	const was = (before?.listings ?? []).map(({ id, policy }): Rule => ({ id, policy: policySchema.nullable().parse(policy) }));
	const made = new Map(
		after?.listings ? after.listings.map(({ id, policy }) => [id, policy]) : (after?.listingIds ?? []).map((id) => [id, after?.policy]),
	);
	const { rows } = await deps.pool.query<{ id: number; policy: unknown }>(
		"SELECT id, policy FROM listing WHERE shop_id = $1 AND id = ANY($2::bigint[])",
		[shopId, was.map(({ id }) => id)],
	);
	const standing = new Set(rows.filter((row) => samePolicy(row.policy, made.get(row.id))).map(({ id }) => id));
	if (standing.size < was.length || standing.size === 0) return { outcome: "overtaken" };
	const saved = await saveRules(deps, shopId, { rules: was.map(({ id, policy }) => ({ listingId: id, policy })), actor });
	if (saved.outcome === "unknown") return saved;
	return saved.listings > 0 ? { outcome: "undone", things: saved.listings } : { outcome: "overtaken" };
}

async function undoChannelRule(deps: Deps, shopId: number, entry: AuditRow, actor: string): Promise<Undo> {
	const [before, after] = [entry.before as RuleSide, entry.after as RuleSide];
	const { rows } = await deps.pool.query<{ policy: unknown }>("SELECT policy FROM connection WHERE shop_id = $1 AND id = $2", [
		shopId,
		Number(entry.subject),
	]);
	const now = rows[0];
	if (!now) return { outcome: "unknown" };
	const plain = { kind: "exact" };
	if (!samePolicy(now.policy, after?.policy ?? plain)) return { outcome: "overtaken" };
	const policy = policySchema.parse(before?.policy ?? plain);
	const done = await changePolicy(deps, shopId, Number(entry.subject), { policy, listingIds: null, actor });
	return done.outcome === "changed" ? { outcome: "undone", things: 1 } : done;
}

/** Orders keep what they took of either. A part that has become a bundle, or is gone since, cannot come back into it. */
async function undoParts(deps: Deps, shopId: number, entry: AuditRow, actor: string): Promise<Undo> {
	const change = { itemId: Number(entry.subject), parts: partsOf(entry.before), was: partsOf(entry.after), actor };
	const saved = await saveParts(deps, shopId, change);
	switch (saved.outcome) {
		case "saved":
			return { outcome: "undone", things: 1 };
		case "unchanged":
		case "overtaken":
		case "refused":
			return { outcome: "overtaken" };
		case "unknown":
			return saved;
	}
}

async function undoPolling(deps: Deps, shopId: number, entry: AuditRow, actor: string): Promise<Undo> {
	const minutesOf = (side: unknown) => (side as { minutes?: number | null } | null)?.minutes ?? null;
	const { rows } = await deps.pool.query<{ minutes: number | null }>(
		"SELECT poll_minutes AS minutes FROM connection WHERE shop_id = $1 AND id = $2",
		[shopId, Number(entry.subject)],
	);
	if (!rows[0]) return { outcome: "unknown" };
	if (rows[0].minutes !== minutesOf(entry.after)) return { outcome: "overtaken" };
	const done = await changePolling(deps, shopId, Number(entry.subject), { minutes: minutesOf(entry.before), actor });
	return done.outcome === "changed" ? { outcome: "undone", things: 1 } : { outcome: "overtaken" };
}

async function undoTolerance({ pool }: Deps, shopId: number, entry: AuditRow, actor: string): Promise<Undo> {
	const unitsOf = (side: unknown) => Number((side as { units?: number } | null)?.units ?? 0);
	const change = { connectionId: Number(entry.subject), units: unitsOf(entry.before), was: unitsOf(entry.after), actor };
	const saved = await setTolerance(pool, shopId, change);
	if (saved === "unknown") return { outcome: "unknown" };
	return saved === "changed" ? { outcome: "undone", things: 1 } : { outcome: "overtaken" };
}

async function undoLocations(deps: Deps, shopId: number, entry: AuditRow, actor: string): Promise<Undo> {
	const idsOf = (side: unknown) => ((side as { locationIds?: number[] } | null)?.locationIds ?? []).map(Number).sort((a, b) => a - b);
	const { rows } = await deps.pool.query<{ location_id: number }>(
		"SELECT location_id FROM connection_location WHERE shop_id = $1 AND connection_id = $2 ORDER BY location_id",
		[shopId, Number(entry.subject)],
	);
	const now = rows.map(({ location_id }) => location_id);
	if (JSON.stringify(now) !== JSON.stringify(idsOf(entry.after))) return { outcome: "overtaken" };
	const done = await chooseLocations(deps, shopId, Number(entry.subject), { locationIds: idsOf(entry.before), actor });
	return done.outcome === "changed" ? { outcome: "undone", things: 1 } : done;
}
