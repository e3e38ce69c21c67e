import type { Composed } from "./compose-alerts.ts";
import { asHtml, asText, type Letter } from "./letter.ts";

/** Says that e-mails arrive, and nothing of the shop. */
export function composeTest(shop: string): Omit<Composed, "sourceKey"> {
	const letter: Letter = {
		subject: "Lockstep's e-mails arrive",
		intro: `Lockstep, ${shop}`,
		parts: [{ heading: "This is a test", lines: ["You have asked for it in Lockstep's settings. Alerts will come the same way."] }],
		foot: "Somebody of your shop has typed this address in Lockstep's settings.",
	};
	return { subject: letter.subject, text: asText(letter), html: asHtml(letter) };
}
