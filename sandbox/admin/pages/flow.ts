import { html, raw } from "../html.ts";
import { type AdminPage, refuse } from "../page.ts";
import { badge, hidden, time } from "../parts.ts";

const LISTED_MAX = 30;
/** Names of form fields that are an action's own. */
const FIELD = "field ";

/** What the page needs of Shopify Flow in the shop. */
export type AdminFlow = {
	triggers: readonly AdminTask[];
	actions: readonly AdminTask[];
	isInUse(trigger: string): boolean;
	/** Both newest first. */
	received(): readonly { at: number; handle: string; payload: Record<string, unknown>; started: boolean }[];
	runs(): readonly AdminRun[];
	/** Both throw a sentence where Flow itself or the app refuses. */
	use(trigger: string, on: boolean): Promise<void>;
	run(action: string, properties: Record<string, unknown>): Promise<AdminRun>;
};
type AdminTask = {
	handle: string;
	name: string;
	description: string;
	fields: readonly { key: string; name: string; description: string; required: boolean }[];
};
type AdminRun = {
	handle: string;
	properties: Record<string, unknown>;
	at: number;
	attempts: number;
	status: number | null;
	body: string;
	state: "running" | "succeeded" | "failed";
};

/** Shopify Flow, as small as it can be: one workflow per trigger that only notes what it was told, and each action run by hand. */
export function flowPage(flow: AdminFlow, root: string): AdminPage {
	return {
		path: "/flow",
		menu: { group: "apps", icon: "flow", label: "Flow" },
		show(rest) {
			if (rest === "") return { title: "Flow", body: whole(flow, root) };
			if (rest === "/triggers") return { fragment: triggers(flow, root) };
			return rest === "/figures" ? { fragment: figures(flow) } : null;
		},
		forms: { "/use": (form) => turn(flow, form), "/run": (form) => run(flow, form) },
	};
}

function whole(flow: AdminFlow, root: string) {
	if (flow.triggers.length + flow.actions.length === 0)
		return html`<div class="page-head"><h1>Flow</h1></div>
<section class="card"><p class="empty">The app declares no triggers and no actions (extensions/*/shopify.extension.toml).</p></section>`;
	return html`
<div class="page-head"><h1>Flow</h1></div>
<p class="lead">Workflows begin with what the app tells, or ask it to do something. Only what its extensions declare is taken.</p>
<div data-poll="${root}/flow/triggers">${triggers(flow, root)}</div>
${flow.actions.map(
	(action) => html`<section class="card card-form"><h2>Run “${action.name}”</h2><p class="subdued">${action.description}</p>
	<form class="inline" method="post" action="${root}/flow/run">${hidden({ handle: action.handle })}
	${action.fields.map(
		(field) =>
			html`<label>${field.name}<input name="${FIELD}${field.key}" ${field.required ? raw("required") : null} ${field.key === "sku" ? raw('list="skus"') : null} autocomplete="off" title="${field.description}"></label>`,
	)}
	<button class="button button-primary">Run action</button></form></section>`,
)}
<div data-poll="${root}/flow/figures">${figures(flow)}</div>`;
}

function triggers(flow: AdminFlow, root: string) {
	return html`<section class="card"><div class="scroll"><table>
	<thead><tr><th>Trigger</th><th>Workflow</th><th></th></tr></thead>
	<tbody>${flow.triggers.map(({ handle, name, description }) => {
		const on = flow.isInUse(handle);
		return html`<tr><td><b>${name}</b><div class="subdued">${description}</div></td>
		<td>${on ? badge("On", "success") : badge("Off")}</td>
		<td class="end"><form method="post" action="${root}/flow/use">${hidden({ handle })}
		<button class="button">Turn ${on ? "off" : "on"}</button></form></td></tr>`;
	})}</tbody></table></div></section>`;
}

function figures(flow: AdminFlow) {
	return html`
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Told by Lockstep</th><th>At</th><th>With</th><th>Workflow</th></tr></thead>
	<tbody>${rowsOr(
		4,
		"Nothing yet.",
		flow
			.received()
			.slice(0, LISTED_MAX)
			.map(
				({
					handle,
					at,
					payload,
					started,
				}) => html`<tr><td class="strong">${nameOf(flow.triggers, handle)}</td><td class="subdued">${time(at)}</td>
			<td>${words(payload)}</td><td>${started ? badge("Started", "success") : badge("None waits")}</td></tr>`,
			),
	)}</tbody></table></div></section>
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Action</th><th>At</th><th>With</th><th class="end">Requests</th><th>Answer</th></tr></thead>
	<tbody>${rowsOr(
		5,
		"No action was run yet.",
		flow
			.runs()
			.slice(0, LISTED_MAX)
			.map(
				(
					run,
				) => html`<tr><td class="strong">${nameOf(flow.actions, run.handle)}</td><td class="subdued">${time(run.at)}</td><td>${words(run.properties)}</td>
			<td class="end">${run.attempts}</td><td>${stateOf(run)}</td></tr>`,
			),
	)}</tbody></table></div></section>`;
}

async function turn(flow: AdminFlow, form: URLSearchParams): Promise<string> {
	const handle = form.get("handle") ?? "";
	const on = !flow.isInUse(handle);
	await flow.use(handle, on);
	return `${nameOf(flow.triggers, handle)}: the workflow is ${on ? "on" : "off"}`;
}

async function run(flow: AdminFlow, form: URLSearchParams): Promise<string> {
	const handle = form.get("handle") ?? "";
	const properties: Record<string, string> = {};
	for (const [name, value] of form) if (name.startsWith(FIELD) && value !== "") properties[name.slice(FIELD.length)] = value;
	const done = await flow.run(handle, properties);
	if (done.state === "failed") refuse(`${nameOf(flow.actions, handle)} failed: ${messageOf(done.body)}`);
	return `${nameOf(flow.actions, handle)}: ${done.state === "succeeded" ? "done" : "the app is still at it"}`;
}

const nameOf = (tasks: AdminFlow["triggers"], handle: string) => tasks.find((task) => task.handle === handle)?.name ?? handle;
const words = (fields: Record<string, unknown>) =>
	Object.entries(fields)
		.filter(([, value]) => value !== "")
		.map(([key, value]) => `${key}: ${String(value)}`)
		.join(" · ");
const rowsOr = (columns: number, nothing: string, rows: readonly unknown[]) =>
	rows.length === 0 ? html`<tr><td class="empty" colspan="${columns}">${nothing}</td></tr>` : rows;

function stateOf({ state, status, body }: AdminRun) {
	if (state === "succeeded") return badge("Done", "success");
	if (state === "running") return badge(`Asked again (${status ?? "no answer"})`, "attention");
	return html`${badge("Failed", "critical")} ${messageOf(body)}`;
}

function messageOf(body: string): string {
	try {
		const said = JSON.parse(body) as { message?: unknown };
		return typeof said.message === "string" ? said.message : body;
	} catch {
		return body;
	}
}
