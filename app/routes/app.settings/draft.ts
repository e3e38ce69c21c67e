import type { MailRules } from "#alerts";
import type { SettingsPage } from "#app/pages/settings/read-settings.ts";
import type { Right } from "#app/rights/right.ts";

/** What was changed and is not saved. Absent: as it was. */
export type Draft = {
	/** As it is typed. */
	buffer?: string;
	/** The whole of the defaults as they were, for what was not touched. */
	was?: SettingsPage["defaults"];
	locationIds?: number[];
	newcomers?: Right;
	mail?: MailRules;
	people?: Readonly<Record<string, { right?: Right; name?: string }>>;
};

export type CardProps = { settings: SettingsPage; draft: Draft; onDraft: (next: Partial<Draft>) => void; disabled: boolean };

const UNITS_MAX = 1_000_000;
export const isBuffer = (text: string) => /^\d*$/.test(text.trim()) && Number(text) <= UNITS_MAX;
export const isWrong = ({ buffer }: Draft) => buffer !== undefined && !isBuffer(buffer);

/** As the action takes it. */
export function toChange({ buffer, was, locationIds, newcomers, people, mail }: Draft) {
	const units = Number(buffer ?? 0);
	const policy =
		buffer === undefined ? (was?.policy ?? { kind: "exact" }) : units > 0 ? { kind: "buffer", buffer: units } : { kind: "exact" };
	const defaults = was && { policy, locationIds: locationIds ?? was.locationIds };
	return {
		...(defaults ? { defaults } : {}),
		...(newcomers ? { newcomers } : {}),
		...(mail ? { mail } : {}),
		people: Object.entries(people ?? {}).map(([userId, one]) => ({ userId, ...one })),
	};
}
