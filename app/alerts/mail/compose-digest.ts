import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import type { Queryable } from "#app/db.server.ts";
import type { Composed } from "./compose-alerts.ts";
import { asHtml, asText, type Letter, type LetterPart } from "./letter.ts";
import { readNames } from "./read-names.ts";

type Figures = {
	orders: number;
	units: number;
	oversold: number;
	owed: number;
	failures: number;
	differences: number;
	paused: number;
};
type ChannelFigures = {
	name: string;
	state: string;
	health: string;
	p50: number | null;
	p99: number | null;
	samples: number;
	missed: number;
};

/** The last 24 hours in a dozen lines: what came in, how fast it went on, and what waits for somebody. */
export async function composeDigest(
	db: Queryable,
	shopId: number,
	{ day, appUrlOf }: { day: string; appUrlOf: (domain: string) => string },
): Promise<Composed> {
	const { domain, shop } = await readNames(db, shopId, []);
	const base = appUrlOf(domain);
	const figures = (await db.query<Figures>(figuresStatement, [shopId])).rows[0] as Figures;
	const channels = (await db.query<ChannelFigures>(channelsStatement, [shopId])).rows;
	const waits = needs(figures, channels);
	const parts: LetterPart[] = [
		waits.length === 0
			? { heading: "Nothing needs you", lines: ["Every channel can be reached and nothing is owed or failed."] }
			: { heading: "Needs you", lines: waits, link: { label: "Open the overview", url: `${base}/app` } },
		{
			heading: "The last 24 hours",
			lines: [
				`${plural(figures.orders, "order")} with ${plural(figures.units, "unit")} were counted, each once.`,
				figures.oversold > 0 ? `${plural(figures.oversold, "unit")} were sold twice.` : "Nothing was sold twice.",
				...(figures.differences > 0 ? [`${plural(figures.differences, "figure")} on a channel differed and was put right.`] : []),
			],
		},
		{ heading: "Channels", lines: channels.map(sayChannel), link: { label: "See channels", url: `${base}/app/channels` } },
	];
	const letter: Letter = {
		subject: waits.length === 0 ? `All in order at ${shop}` : `${plural(waits.length, "thing")} to look at in ${shop}`,
		intro: `Lockstep's summary of ${day}`,
		parts,
		foot: "You get this every day because your address stands under E-mails in Lockstep's settings. There you can also switch it off.",
	};
	return { sourceKey: `digest:${day}`, subject: letter.subject, text: asText(letter), html: asHtml(letter) };
}

function needs({ owed, failures, paused }: Figures, channels: readonly ChannelFigures[]): string[] {
	const away = channels.filter(({ health, state }) => health === "red" && state !== "paused").map(({ name }) => name);
	return [
		...away.map((name) => `${name} cannot be reached.`),
		...(owed > 0 ? [`${plural(owed, "unit")} are owed to buyers.`] : []),
		...(failures > 0 ? [`${plural(failures, "update or message", "updates and messages")} failed and wait for you.`] : []),
		...(paused > 0 ? [`${plural(paused, "listing")} with stock are paused.`] : []),
	];
}

function sayChannel({ name, state, p50, p99, samples, missed }: ChannelFigures): string {
	const pace =
		state !== "live"
			? state === "paused"
				? "paused"
				: "not live yet"
			: samples === 0 || p50 === null || p99 === null
				? "no sale had to go there"
				: `half of the updates arrived within ${seconds(p50)}, 99 of 100 within ${seconds(p99)}`;
	return `${name}: ${pace}${missed > 0 ? `; ${plural(missed, "order")} of which no message came ${missed === 1 ? "was" : "were"} found by Lockstep itself` : ""}.`;
}

const seconds = (ms: number): string =>
	ms < 1_000 ? "a second" : `${(ms / 1_000).toLocaleString("en", { maximumFractionDigits: ms < 10_000 ? 1 : 0 })} seconds`;
const plural = (count: number, one: string, many = `${one}s`): string => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const figuresStatement = `
SELECT
  (SELECT count(*)::int FROM sales_order WHERE shop_id = $1 AND created_at > now() - interval '24 hours' AND NOT baseline) AS orders,
  (SELECT coalesce(-sum(delta), 0)::int FROM movement WHERE shop_id = $1 AND cause = 'sale' AND created_at > now() - interval '24 hours') AS units,
  (SELECT coalesce(sum(units), 0)::int FROM oversell WHERE shop_id = $1 AND created_at > now() - interval '24 hours') AS oversold,
  (SELECT coalesce(sum(units - covered), 0)::int FROM oversell WHERE shop_id = $1 AND state = 'open') AS owed,
  (SELECT coalesce(sum(failures), 0)::int FROM problem WHERE shop_id = $1 AND state IN ('open', 'acknowledged')) AS failures,
  (SELECT count(DISTINCT listing_id)::int FROM difference WHERE shop_id = $1 AND at > now() - interval '24 hours') AS differences,
  (SELECT count(*)::int FROM listing l JOIN connection c ON c.shop_id = l.shop_id AND c.id = l.connection_id AND c.state = 'live'
    WHERE l.shop_id = $1 AND l.paused AND l.paused_reason IS DISTINCT FROM '${NOT_LIVE_YET}' AND l.link_state = 'linked' AND l.desired > 0) AS paused`;

const channelsStatement = `
SELECT c.name, c.state, c.health, l.p50::int, l.p99::int, coalesce(l.samples, 0)::int AS samples, coalesce(p.missed, 0)::int AS missed
FROM connection c
CROSS JOIN LATERAL (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY lag_ms) AS p50, percentile_disc(0.99) WITHIN GROUP (ORDER BY lag_ms) AS p99,
    count(*) AS samples FROM lag_sample WHERE shop_id = c.shop_id AND connection_id = c.id AND at > now() - interval '24 hours') l
CROSS JOIN LATERAL (SELECT count(*) AS missed FROM sales_order WHERE shop_id = c.shop_id AND connection_id = c.id AND first_source = 'poll' AND NOT baseline
    AND created_at > now() - interval '24 hours') p
WHERE c.shop_id = $1 AND c.state <> 'disconnected' ORDER BY c.is_home DESC, c.name, c.id`;
