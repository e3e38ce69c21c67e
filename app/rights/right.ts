/** What a person may do here. Each right includes those before it. */
export const RIGHTS = ["look", "operate", "approve"] as const;
export type Right = (typeof RIGHTS)[number];

export const isRight = (value: unknown): value is Right => RIGHTS.some((right) => right === value);
export const allows = (held: Right, needed: Right): boolean => RIGHTS.indexOf(held) >= RIGHTS.indexOf(needed);

/** As a merchant reads them. */
export const RIGHT_WORDS: Readonly<Record<Right, { name: string; may: string }>> = {
	look: { name: "Look", may: "see everything and change nothing" },
	operate: { name: "Operate", may: "change rules, pause and resume products, link listings and try updates again" },
	approve: {
		name: "Approve and connect",
		may: "connect channels, go live, approve mass changes, change settings and decide about people's rights",
	},
};

/** What a 403 of ours carries: enough to say who can help. */
export type MissingRight = { missingRight: Right; held: Right; approvers: string[] };

export const isMissingRight = (data: unknown): data is MissingRight =>
	typeof data === "object" && data !== null && "missingRight" in data && isRight(data.missingRight);

/** One sentence on what is missing, and one on who can give it. */
export function sayMissingRight({ missingRight, held, approvers }: MissingRight): { what: string; who: string } {
	const { name, may } = RIGHT_WORDS[missingRight];
	const what = `You have the right “${RIGHT_WORDS[held].name}”. This needs “${name}”: ${may}.`;
	const who =
		approvers.length === 0
			? "Somebody with the right “Approve and connect” can give it to you in Lockstep's settings."
			: `${approvers.join(" or ")} can give it to you in Lockstep's settings, under “People”.`;
	return { what, who };
}
