import type { MailRules } from "#alerts";
import type { SettingsPage } from "#app/pages/settings/read-settings.ts";
import type { Right } from "#app/rights/right.ts";
import type { Guards } from "#domain";

/** What was changed and is not saved. Absent: as it was. */
export type Draft = {
	/** As it is typed. */
	buffer?: string;
	/** The whole of the defaults as they were, for what was not touched. */
	was?: SettingsPage["defaults"];
	locationIds?: number[];
	/** As they are typed. */
	guards?: GuardsDraft;
	newcomers?: Right;
	afterOversell?: SettingsPage["afterOversell"];
	mail?: MailRules;
	people?: Readonly<Record<string, { right?: Right; name?: string }>>;
};

export type GuardsDraft = { zero: boolean; products: string; zeroPercent: string; raise: boolean; raisePercent: string };

export type CardProps = { settings: SettingsPage; draft: Draft; onDraft: (next: Partial<Draft>) => void; disabled: boolean };

const UNITS_MAX = 1_000_000;
export const isBuffer = (text: string) => /^\d*$/.test(text.trim()) && Number(text) <= UNITS_MAX;
export const isWrong = ({ buffer, guards }: Draft) =>
	(buffer !== undefined && !isBuffer(buffer)) ||
	(guards !== undefined &&
		((guards.zero && (!isWithin(guards.products, UNITS_MAX) || !isWithin(guards.zeroPercent, 100))) ||
			(guards.raise && !isWithin(guards.raisePercent, 100))));
/** A whole number from 1. */
export const isWithin = (text: string, most: number) => /^\d+$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= most;

export const toGuardsDraft = ({ zero, raise }: Guards): GuardsDraft => ({
	zero: zero !== null,
	products: String(zero?.products ?? 50),
	zeroPercent: String(zero?.percent ?? 5),
	raise: raise !== null,
	raisePercent: String(raise?.percent ?? 20),
});
const toGuards = (draft: GuardsDraft): Guards => ({
	zero: draft.zero ? { products: Number(draft.products), percent: Number(draft.zeroPercent) } : null,
	raise: draft.raise ? { percent: Number(draft.raisePercent) } : null,
});

/** As the action takes it. */
export function toChange({ buffer, was, locationIds, guards, newcomers, afterOversell, people, mail }: Draft) {
	const units = Number(buffer ?? 0);
	const policy =
		buffer === undefined ? (was?.policy ?? { kind: "exact" }) : units > 0 ? { kind: "buffer", buffer: units } : { kind: "exact" };
	const defaults = was && { policy, locationIds: locationIds ?? was.locationIds };
	return {
		...(defaults ? { defaults } : {}),
		...(guards ? { guards: toGuards(guards) } : {}),
		...(newcomers ? { newcomers } : {}),
		...(afterOversell ? { afterOversell } : {}),
		...(mail ? { mail } : {}),
		people: Object.entries(people ?? {}).map(([userId, one]) => ({ userId, ...one })),
	};
}
