import type { World } from "../../world.ts";
import { html, raw } from "../html.ts";

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

const RATE = 0.3;
const LATE_MS = 8_000;
const COPIES = 3;
const RETRY_AFTER_SECONDS = 2;

/** The faults that every channel's stand-in knows. A button switches one on, and off again. */
export function breakages(world: World, channels: readonly NamedChannel[]): Breakage[] {
	const { faults } = world;
	const every = (rate: number) => `${Math.round(rate * 100)}%`;
	return channels.flatMap((channel) => {
		const toggle = (name: string, label: string, explanation: string, set: (rate: number) => void, rate = RATE): Breakage => {
			const isOn = () => faults.active().some((fault) => fault.channel === channel.id && fault.name === `panel-${name}`);
			return {
				id: `${channel.id}-${name}`,
				group: channel.name,
				label,
				explanation,
				isOn,
				press() {
					const on = isOn();
					set(on ? 0 : rate);
					return on ? `${channel.name}: ${label.toLowerCase()}, off` : `${channel.name}: ${label.toLowerCase()}, on`;
				},
			};
		};
		const webhooks = (name: string, rate: number, fault: Parameters<typeof faults.onWebhooks>[3]) =>
			faults.onWebhooks(channel.id, `panel-${name}`, rate, fault);
		return [
			toggle("duplicate", "Duplicate webhooks", `${every(RATE)} of its webhooks come ${COPIES} times.`, (rate) =>
				webhooks("duplicate", rate, { kind: "duplicate", copies: COPIES }),
			),
			toggle("lose", "Lose webhooks", `${every(RATE)} of its webhooks never come; the order poll must find them.`, (rate) =>
				webhooks("lose", rate, { kind: "lost" }),
			),
			toggle("delay", "Delay webhooks", `${every(RATE)} of its webhooks come ${LATE_MS / 1000} s late, after newer ones.`, (rate) =>
				webhooks("delay", rate, { kind: "late", delayMs: LATE_MS }),
			),
			toggle(
				"throttle",
				"Answer “too many requests”",
				`Half of all requests get a 429 and are told to wait ${RETRY_AFTER_SECONDS} s.`,
				(rate) =>
					faults.onRequests(channel.id, "panel-throttle", rate, { kind: "status", status: 429, retryAfterSeconds: RETRY_AFTER_SECONDS }),
				0.5,
			),
			toggle(
				"down",
				"Take it down",
				"Every request gets a 503 until you switch it on again.",
				(rate) => faults.onRequests(channel.id, "panel-down", rate, { kind: "status", status: 503 }),
				1,
			),
		];
	});
}

export function breakItPage(world: World, root: string, channels: readonly NamedChannel[], all: readonly Breakage[]) {
	return html`
<div class="page-head"><h1>Break it</h1></div>
<p class="lead">Do to the channels what the internet does to them, and watch Lockstep's overview. The figures below are counted by the
outside world itself; the app knows nothing of them.</p>
<div data-poll="${root}/break-it/figures">${breakItFigures(world, root, channels, all)}</div>`;
}

export function breakItFigures(world: World, root: string, channels: readonly NamedChannel[], all: readonly Breakage[]) {
	const { books } = world;
	const taken = books.sales().filter(({ units }) => units > 0);
	const groups = [...new Set(all.map(({ group }) => group))];
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
	<thead><tr><th>Channel</th><th class="end">Out of step now</th><th class="end">Lag, usually</th><th class="end">Lag, slowest 1%</th><th class="end">Webhooks</th><th class="end">doubled</th><th class="end">late</th><th class="end">lost</th><th class="end">Calls</th><th class="end">429s</th></tr></thead>
	<tbody>${channels.map(({ id, name }) => channelRow(world, id, name))}</tbody>
</table></div></section>
${groups.map(
	(group) =>
		html`<section class="card card-form"><h2>${group}</h2><div class="breakages">${all
			.filter((one) => one.group === group)
			.map((one) => button(root, one))}</div></section>`,
)}`;
}

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
