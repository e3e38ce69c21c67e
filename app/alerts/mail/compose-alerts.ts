import type { Queryable } from "#app/db.server.ts";
import type { AlertKind } from "../kinds.ts";
import { asHtml, asText, type Letter, type LetterPart } from "./letter.ts";
import { readEnds, sayEnds } from "./read-ends.ts";
import { readNames } from "./read-names.ts";

export type Composed = { sourceKey: string; subject: string; text: string; html: string };
type Told = { id: number; kind: AlertKind; subject: string; detail: Record<string, unknown>; turn: "opened" | "over" };

/** More would not be read; the page has them all. */
const PARTS_MAX = 20;

/** One e-mail for everything that turned in one look: a shop that sells out is told once, not fifty times. */
export async function composeAlerts(
	db: Queryable,
	shopId: number,
	{ turns, appUrlOf }: { turns: readonly Told[]; appUrlOf: (domain: string) => string },
): Promise<Composed> {
	const names = await readNames(db, shopId, turns);
	const base = appUrlOf(names.domain);
	// What begins is read first.
	const ordered = [...turns].sort((a, b) => (a.turn === b.turn ? a.id - b.id : a.turn === "opened" ? -1 : 1));
	const listed = ordered.slice(0, PARTS_MAX);
	const ended = await readEnds(
		db,
		shopId,
		listed.filter(({ kind, turn }) => kind === "oversell" && turn === "over"),
	);
	const parts = listed.map((turn) => partOf(turn, names.nameOf(turn), base, ended.get(turn.id) ?? []));
	const [first] = parts;
	const opened = turns.filter(({ turn }) => turn === "opened").length;
	const subject =
		turns.length === 1
			? (first?.heading ?? "")
			: opened > 0
				? `${opened} ${opened === 1 ? "thing needs" : "things need"} you in ${names.shop}`
				: `${turns.length} things are right again in ${names.shop}`;
	const left = turns.length - parts.length;
	const letter: Letter = {
		subject,
		intro: `Lockstep, ${names.shop}`,
		parts: left > 0 ? [...parts, { heading: `And ${left} more`, lines: [], link: { label: "Open Lockstep", url: `${base}/app` } }] : parts,
		foot: "You get this because your address stands under E-mails in Lockstep's settings. There you also choose what you are told of.",
	};
	const key = turns.map(({ id, turn }) => `${id}${turn === "opened" ? "o" : "r"}`).sort();
	return { sourceKey: `alerts:${key.slice(0, 20).join(",")}`, subject, text: asText(letter), html: asHtml(letter) };
}

const number = (value: unknown): string => Number(value ?? 0).toLocaleString("en");
const plural = (value: unknown, one: string, many = `${one}s`): string => `${number(value)} ${Number(value) === 1 ? one : many}`;

function partOf({ kind, subject, detail, turn }: Told, name: string, base: string, ends: Parameters<typeof sayEnds>[0]): LetterPart {
	const over = turn === "over";
	const channel = { label: "Open the channel", url: `${base}/app/channels/${subject}` };
	switch (kind) {
		case "oversell":
			return over
				? { ...sayEnds(ends, name), link: { label: "See what became of it", url: `${base}/app/oversells?item=${subject}` } }
				: {
						heading: `Oversold: ${name}`,
						lines: [
							`${plural(detail.units, "unit")} owed to buyers. The other channels show 0 until stock covers it; that happens by itself when you add stock.`,
						],
						link: { label: "See which orders, and what to do", url: `${base}/app/oversells?item=${subject}` },
					};
		case "approval": {
			const products = plural(detail.products, "product");
			const wouldBe = detail.kind === "raise" ? "would be raised" : "would go to zero";
			return over
				? { heading: "Nothing waits for approval any more", lines: ["The changes in Shopify were decided about, or put right there."] }
				: {
						heading: `${products} ${wouldBe}`,
						lines: [
							"They were changed in Shopify, and not by sales. Until somebody approves, your channels go on with the former figures, minus what is sold.",
						],
						link: { label: "Approve or keep", url: `${base}/app/approvals/${subject}` },
					};
		}
		case "failures":
			return over
				? { heading: "Failed updates are few again", lines: ["The number is below your limit."] }
				: {
						heading: `${plural(detail.failures, "failed update")}`,
						lines: ["Lockstep has tried each several times. They wait for somebody to look at them; nothing is lost."],
						link: { label: "See failed updates", url: `${base}/app/failed-updates` },
					};
		case "lag":
			return over
				? { heading: `${name} is fast again`, lines: ["Updates arrive within your limit."] }
				: {
						heading: `Updates to ${name} are slow`,
						lines: [
							`The slowest of a hundred took ${plural(detail.seconds, "second")} in the last quarter of an hour. Until they arrive, ${name} may sell what is gone.`,
						],
						link: channel,
					};
		case "unreachable":
			return over
				? { heading: `${name} can be reached again`, lines: ["What waited is being sent."] }
				: {
						heading: `${name} cannot be reached`,
						lines: [
							...(detail.reason ? [`It says: ${String(detail.reason)}`] : []),
							"Updates wait and are sent when it is back; its orders are read then. If it refuses Lockstep's access, renew it on the channel's page.",
						],
						link: channel,
					};
		case "writer":
			return over
				? { heading: `Nothing else has changed stock on ${name} for a day`, lines: ["Lockstep is the only one that writes there again."] }
				: detail.home === true
					? {
							heading: "Something else sets stock back in Shopify",
							lines: [
								`${plural(detail.times, "time")} in a day, on ${plural(detail.products, "product")}, the figure in Shopify went back to what it was before units were sold on another channel: those units are for sale again.`,
								"Most often it is an app or a feed that writes its own stock figures to Shopify. Shopify's inventory history of a product says who it was.",
							],
							link: { label: "See where it happened", url: `${base}/app/channels` },
						}
					: {
							heading: `Something else changes stock on ${name}`,
							lines: [
								`${plural(detail.times, "figure")} in a day, on ${plural(detail.products, "product")}, changed there neither by an order nor by Lockstep. Lockstep puts each right, and in between buyers see a wrong one.`,
							],
							link: channel,
						};
		case "totals":
			return over
				? {
						heading: `The week's totals of ${name} agree again`,
						lines: ["Orders, units, sums and figures are the same there and in Lockstep."],
					}
				: {
						heading: `The week's totals of ${name} differ by ${(Number(detail.perMille) / 10).toLocaleString("en", { maximumFractionDigits: 2 })}%`,
						lines: [
							`Of the last seven days' orders, units, sums and figures, ${name} and Lockstep do not have the same. What differs is read again by itself; the page says which orders they are.`,
						],
						link: { label: "See what differs", url: `${base}/app/checks/totals/${Number(detail.check)}` },
					};
		case "paused":
			return over
				? { heading: `Nothing is paused on ${name} any more`, lines: ["All listings with stock follow it again."] }
				: {
						heading: `${plural(detail.listings, "listing")} with stock paused on ${name}`,
						lines: ["Since a day or longer they show a figure that nobody keeps. Resume them if the pause was forgotten."],
						link: { label: "See paused products", url: `${base}/app/stock?state=paused&channel=${subject}` },
					};
	}
}
