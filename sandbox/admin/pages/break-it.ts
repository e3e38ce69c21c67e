import type { World } from "../../world.ts";
import { html, raw } from "../html.ts";
import { type AdminPage, refuse } from "../page.ts";

/** One thing to break. `press` does it (or undoes it) and says so in a sentence. */
export type Breakage = {
	id: string;
	/** The channel it concerns, or where it belongs. */
	group: string;
	label: string;
	explanation: string;
	isOn?: () => boolean;
	press: () => string | Promise<string>;
};

type NamedChannel = { id: string; name: string };
type Parts = { world: World; root: string; channels: readonly NamedChannel[]; broken: readonly Breakage[] };

export function breakItPage(parts: Parts): AdminPage {
	return {
		path: "/break-it",
		menu: { group: "sandbox", icon: "lightning", label: "Break it" },
		show(rest) {
			if (rest === "") return { title: "Break it", body: whole(parts) };
			return rest === "/figures" ? { fragment: figures(parts) } : null;
		},
		forms: {
			"": async (form) => (await parts.broken.find(({ id }) => id === form.get("id"))?.press()) ?? refuse("There is no such button"),
		},
	};
}

const whole = (parts: Parts) => html`
<div class="page-head"><h1>Break it</h1></div>
<p class="lead">Do to the channels what the internet does to them, and watch Lockstep's overview. The figures below are counted by the
outside world itself; the app knows nothing of them.</p>
<div data-poll="${parts.root}/break-it/figures">${figures(parts)}</div>`;

function figures({ world, root, channels, broken }: Parts) {
	const { books } = world;
	const taken = books.sales().filter(({ units }) => units > 0);
	const groups = [...new Set(broken.map(({ group }) => group))];
	return html`
<div class="tiles">
	${tile("Orders", new Set(taken.map(({ channel, orderId }) => `${channel} ${orderId}`)).size)}
	${tile(
		"Units sold",
		taken.reduce((sum, { units }) => sum + units, 0),
	)}
	${tile("Units oversold", books.oversoldUnits())}
</div>
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Channel</th><th class="end">Out of step now</th><th class="end">Lag, usually</th><th class="end">Lag, slowest 1%</th><th class="end">Notifications</th><th class="end">doubled</th><th class="end">late</th><th class="end">lost</th><th class="end">Calls</th><th class="end">429s</th></tr></thead>
	<tbody>${channels.map(({ id, name }) => channelRow(world, id, name))}</tbody>
</table></div></section>
${groups.map((group) => {
	const ofGroup = broken.filter((one) => one.group === group);
	return html`<section class="card card-form"><h2>${group}</h2>${breakageButtons(root, ofGroup)}</section>`;
})}`;
}

/** Buttons that say whether they are on; also on the channel's own page. */
export const breakageButtons = (root: string, some: readonly Breakage[]) =>
	html`<div class="breakages">${some.map((one) => button(root, one))}</div>`;

function channelRow({ books }: World, id: string, name: string) {
	const deliveries = books.deliveries(id);
	const calls = books.calls(id);
	const fate = (kind: string) => deliveries.filter((delivery) => delivery.fate === kind).length;
	const lags = books.lagMs(id).sort((a, b) => a - b);
	const percentile = (share: number) =>
		lags.length === 0 ? "—" : `${((lags[Math.ceil(lags.length * share) - 1] ?? 0) / 1000).toFixed(1)} s`;
	return html`<tr><td class="strong">${name}</td><td class="end">${books.outOfStep(id).length}</td><td class="end">${percentile(0.5)}</td>
	<td class="end">${percentile(0.99)}</td><td class="end">${deliveries.length}</td><td class="end">${fate("duplicate")}</td><td class="end">${fate("late") + fate("reordered")}</td>
	<td class="end">${fate("lost")}</td><td class="end">${calls.length}</td><td class="end">${calls.filter(({ status }) => status === 429).length}</td></tr>`;
}

const tile = (label: string, value: number) =>
	html`<div class="tile"><span class="subdued">${label}</span><b>${value.toLocaleString("en-US")}</b></div>`;

const button = (root: string, { id, label, explanation, isOn }: Breakage) => html`
<form method="post" action="${root}/break-it"><input type="hidden" name="id" value="${id}">
<button class="breakage" ${isOn ? raw(`aria-pressed="${isOn()}"`) : null}><b>${label}</b><span>${explanation}</span></button></form>`;
