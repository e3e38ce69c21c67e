import { z } from "zod";
import { ALERT_KINDS, RECIPIENTS_MAX, saveMailRules } from "#alerts";
import type { Pool } from "#app/db.server.ts";
import { saveGuards } from "#app/guards/index.ts";
import { AFTERWARDS, setAfterwards } from "#app/oversells/index.ts";
import { changeRight, nameMember, RIGHTS, type RightChange, setNewcomerRight } from "#app/rights/index.ts";
import { setChannelDefaults } from "#connections";
import { guardsSchema, policySchema } from "#domain";

const PEOPLE_MAX = 500;
const LOCATIONS_MAX = 1_000;

/** What the settings page sends: only what was changed. */
export const settingsChange = z.object({
	defaults: z.object({ policy: policySchema, locationIds: z.array(z.int().positive()).max(LOCATIONS_MAX) }).optional(),
	guards: guardsSchema.optional(),
	newcomers: z.enum(RIGHTS).optional(),
	afterOversell: z.enum(AFTERWARDS).optional(),
	people: z
		.array(z.object({ userId: z.string().min(1).max(100), right: z.enum(RIGHTS).optional(), name: z.string().max(200).optional() }))
		.max(PEOPLE_MAX)
		.default([]),
	mail: z
		.object({
			rules: z
				.array(z.object({ kind: z.enum(ALERT_KINDS), enabled: z.boolean(), threshold: z.number().nullable() }))
				.length(ALERT_KINDS.length)
				.refine((rules) => new Set(rules.map(({ kind }) => kind)).size === ALERT_KINDS.length, "each kind once"),
			recipients: z.array(z.object({ address: z.string().max(300), alerts: z.boolean(), digest: z.boolean() })).max(2 * RECIPIENTS_MAX),
			digestHour: z.number(),
			timeZone: z.string().max(100),
		})
		.optional(),
});

export type SettingsSaved =
	| { outcome: "saved" }
	/** The e-mails as they were typed cannot be; nothing was saved. */
	| { outcome: "refused"; reason: string }
	/** What came before it is saved. */
	| { outcome: "stopped"; at: Exclude<RightChange["outcome"], "changed" | "unchanged"> };

/** Each change is its own, with its own entry on record. Rights are given before any is taken, so that two people can change places. */
export async function saveSettings(
	pool: Pool,
	shopId: number,
	change: z.output<typeof settingsChange>,
	actor: string,
): Promise<SettingsSaved> {
	const steps: (() => Promise<{ outcome: RightChange["outcome"] }>)[] = [];
	const { defaults, guards, newcomers, afterOversell, people, mail } = change;
	if (mail) {
		const saved = await saveMailRules(pool, shopId, mail, actor);
		if (saved.outcome === "refused") return saved;
	}
	if (defaults) steps.push(() => setChannelDefaults(pool, shopId, { defaults, actor }));
	if (guards) steps.push(() => saveGuards(pool, shopId, { guards, actor }));
	if (afterOversell) steps.push(() => setAfterwards(pool, shopId, { afterwards: afterOversell, actor }));
	if (newcomers) steps.push(() => setNewcomerRight(pool, shopId, { right: newcomers, actor }));
	for (const { userId, name } of people) if (name !== undefined) steps.push(() => nameMember(pool, shopId, { userId, name, actor }));
	const rights = people.flatMap(({ userId, right }) => (right === undefined ? [] : [{ userId, right }]));
	// One's own last: who gives their own right away can still do the rest.
	const order = (one: { userId: string; right: string }) => (one.userId === actor ? 2 : one.right === "approve" ? 0 : 1);
	for (const one of rights.sort((a, b) => order(a) - order(b))) steps.push(() => changeRight(pool, shopId, { ...one, actor }));
	for (const step of steps) {
		const { outcome } = await step();
		if (outcome !== "changed" && outcome !== "unchanged") return { outcome: "stopped", at: outcome };
	}
	return { outcome: "saved" };
}
