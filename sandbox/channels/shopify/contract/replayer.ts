import { expect } from "vitest";
import { type Answer, answersIn, differences, type Pairs, type Recorded, rootsOf, translate } from "./recordings.ts";
import type { Stage } from "./stage.ts";

/** Replays the steps of one recording and keeps account: every recorded answer is compared or named as not modelled. */
export type Step = {
	/** The recorded answer. */
	recorded: Answer;
	query: string;
	variables?: Recorded;
	/** The request's text was recorded, so places in it and its cost can be compared too. */
	textRecorded?: boolean;
	/** False: the recorder kept the answer without its cost. */
	costRecorded?: boolean;
	/** Fields that depend on what was not recorded. */
	except?: readonly string[];
};

export type Replayer = ReturnType<typeof createReplayer>;

/** The parts of the store that the stand-in leaves out; their recorded steps are made by the stand-in's own methods instead. */
const NOT_MODELLED: Record<string, string> = {
	productCreate: "products are made by the shop's own methods",
	productSet: "products are made by the shop's own methods",
	productVariantsBulkUpdate: "products are changed by the shop's own methods",
	productDelete: "products are deleted by the shop's own methods",
	orderCreate: "the app brings no orders into the shop; buyers and the seed make them",
	customerCreate: "the stand-in has no customers of its own",
	customerDelete: "the stand-in has no customers of its own",
};

export function createReplayer(stage: Stage, file: Recorded) {
	const pairs: Pairs = new Map();
	const compared = new Set<Answer>();
	const excused = new Map<Answer, string>();
	let costs = 0;

	const step = async ({
		recorded,
		query,
		variables = {},
		textRecorded = false,
		costRecorded = true,
		except = [],
	}: Step): Promise<Record<string, unknown>> => {
		const ours = (await stage.graphql(query, translate(variables, pairs), { version: "2026-04" })) as Answer;
		const skip = textRecorded ? except : [...except, "locations"];
		const wrong = [
			...differences(recorded.data, ours.data, pairs, skip, "data"),
			...differences(recorded.errors, ours.errors, pairs, skip, "errors"),
		];
		const cost = recorded.extensions?.cost;
		const ourCost = ours.extensions?.cost;
		if (cost === undefined) wrong.push(...(ourCost === undefined || !costRecorded ? [] : ["extensions.cost: ours, but none was recorded"]));
		else {
			wrong.push(...differences(cost.throttleStatus, ourCost?.throttleStatus, pairs, ["currentlyAvailable"], "throttleStatus"));
			// What a connection costs is not published and not linear: compared only where there is none.
			if (textRecorded && !/\(\s*(first|last):|first:/.test(query)) {
				costs++;
				wrong.push(...differences(cost, ourCost, pairs, ["throttleStatus"], "cost"));
			}
		}
		expect(wrong, `${rootsOf(recorded).join(", ")} ${JSON.stringify(variables).slice(0, 300)}`).toEqual([]);
		compared.add(recorded);
		return (ours.data ?? {}) as Record<string, unknown>;
	};

	return {
		pairs,
		step,
		excuse(answers: unknown, reason: string): void {
			for (const answer of answersIn(answers)) if (!compared.has(answer)) excused.set(answer, reason);
		},
		/** Every recorded answer must be accounted for. */
		account(): { compared: number; costs: number; excused: Record<string, number> } {
			const reasons: Record<string, number> = {};
			const unaccounted: string[] = [];
			for (const answer of answersIn(file)) {
				if (compared.has(answer)) continue;
				const reason = excused.get(answer) ?? NOT_MODELLED[rootsOf(answer)[0] ?? ""];
				if (reason === undefined) unaccounted.push(JSON.stringify(answer).slice(0, 200));
				else reasons[`${rootsOf(answer).join(", ")}: ${reason}`] = (reasons[`${rootsOf(answer).join(", ")}: ${reason}`] ?? 0) + 1;
			}
			expect(unaccounted).toEqual([]);
			return { compared: compared.size, costs, excused: reasons };
		},
	};
}
