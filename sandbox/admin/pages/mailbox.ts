import type { Mailbox, MailFault, ReceivedMail } from "../../mailbox.ts";
import { html } from "../html.ts";
import { type AdminPage, refuse } from "../page.ts";
import { back, badge, time } from "../parts.ts";
import type { Breakage } from "./break-it.ts";

const LISTED_MAX = 50;

/** What Lockstep has sent by e-mail, for people who do not exist. Its links lead into this admin. */
export function mailboxPage(mailbox: Mailbox, root: string): AdminPage {
	return {
		path: "/mailbox",
		menu: { group: "sandbox", icon: "mail", label: "Mailbox" },
		show(rest) {
			if (rest === "") return { title: "Mailbox", body: html`${head}<div data-poll="${root}/mailbox/list">${list(mailbox, root)}</div>` };
			if (rest === "/list") return { fragment: list(mailbox, root) };
			const mail = mailbox.received().find(({ id }) => rest === `/${id}`);
			return mail ? { title: mail.subject, body: letter(mail, root) } : null;
		},
	};
}

/** The e-mail server's own troubles, for the page of breakages. */
export function mailFaults(mailbox: Mailbox): Breakage[] {
	let on: string | null = null;
	const fault = (id: string, label: string, explanation: string, answer: MailFault): Breakage => ({
		id,
		group: "E-mail",
		label,
		explanation,
		isOn: () => on === id,
		press() {
			on = on === id ? null : id;
			mailbox.refuse(on === id ? answer : null);
			return on === id ? `The server answers ${answer.code}` : "The server takes e-mails again";
		},
	});
	return [
		fault("mail-later", "Try again later", "The e-mail server answers 451 to everything: what should be told waits.", {
			code: 451,
			text: "Requested action aborted: local error in processing",
		}),
		fault("mail-refused", "No such mailbox", "The e-mail server answers 550 to everything: what is sent now is given up.", {
			code: 550,
			text: "Requested action not taken: mailbox unavailable",
		}),
	];
}

const head = html`
<div class="page-head"><h1>Mailbox</h1></div>
<p class="lead">E-mails of Lockstep to any address end here. Type one under Lockstep's settings, E-mails.</p>`;

function list(mailbox: Mailbox, root: string) {
	const mails = mailbox.received().slice(0, LISTED_MAX);
	if (mails.length === 0) return html`<section class="card"><p class="empty">Nothing has come yet.</p></section>`;
	return html`<section class="card"><div class="scroll"><table>
	<thead><tr><th>Time</th><th>To</th><th>Subject</th></tr></thead>
	<tbody>${mails.map(
		(mail) =>
			html`<tr><td>${time(mail.at)}</td><td>${mail.to.join(", ")}</td><td><a href="${root}/mailbox/${mail.id}">${mail.subject}</a></td></tr>`,
	)}</tbody>
</table></div></section>`;
}

function letter(mail: ReceivedMail, root: string) {
	if (mail.html === "") refuse("This e-mail has no HTML");
	// As the real admin's addresses lead to the app, this one's lead to it here.
	const inside = mail.html.replaceAll(/https:\/\/admin\.shopify\.com\/store\/[^/"]+\/apps\/[^/"]+/g, `${root}/apps/lockstep`);
	return html`
<div class="page-head">${back(`${root}/mailbox`, "Mailbox")}<h1>${mail.subject}</h1>${badge(mail.to.join(", "))}</div>
<section class="card"><iframe class="letter" title="The e-mail" sandbox="allow-top-navigation-by-user-activation allow-popups" srcdoc="${`<base target="_top">${inside}`}"></iframe></section>
<section class="card card-form"><h2>As text</h2><pre class="letter-text">${mail.text}</pre></section>`;
}
