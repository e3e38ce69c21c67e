import type { FailedRow } from "#app/pages/failed/failed.ts";

type Words = { label: string; help: string };

/** Each kind of failure: its name, and what a merchant can do. Keys are the adapters' and apply's error classes. */
const WORDS: Readonly<Record<string, Words>> = {
	rejected: {
		label: "Refused by the channel",
		help: "The channel said no to this figure. Its own words are in the message. Mend it there, then try again.",
	},
	"listing-not-found": {
		label: "Not on the channel any more",
		help: "The channel has no such listing. If it was deleted there, discard this; if it is back, try again.",
	},
	credentials: {
		label: "Keys refused",
		help: "The channel does not accept its keys any more. Renew them on the channel's page; everything that waits is then sent.",
	},
	"rate-limited": { label: "Asked too often", help: "The channel wanted fewer requests. Trying again is all it takes." },
	unavailable: { label: "No answer", help: "The channel was away each time it was asked. Trying again is all it takes." },
	timeout: { label: "No answer in time", help: "The channel took too long each time it was asked. Trying again is all it takes." },
	conflict: { label: "Changed at the same time", help: "Something else wrote there at the same moment. Trying again is all it takes." },
	"not-applied": {
		label: "Accepted, but never shown",
		help: "The channel accepted the figure several times and goes on showing another. Look at the listing there, then try again.",
	},
	"unexpected-shape": {
		label: "Not understood",
		help: "The channel's answer has a form that Lockstep does not know. We look at these; the regular check reads the order or figure again.",
	},
	"unmapped-listing": {
		label: "Sold, but linked to nothing",
		help: "An order sells a listing that is linked to no product. Link it, then try again: the order is then counted.",
	},
	"cannot-apply": {
		label: "Could not be counted",
		help: "The message was understood and could not be counted. Trying again tells whether that still holds.",
	},
	"copy-without-number": {
		label: "A copied order without its number",
		help: "Another app copied an order into Shopify without saying which. Check that it was counted once, then discard this.",
	},
	"key-expired": {
		label: "Shopify never answered",
		help: "Whether Shopify took these differences is not known. Lockstep reads Shopify's own figures and settles what they explain.",
	},
	"unknown-item": { label: "A product we do not know", help: "Read your products again, then try this again." },
};

export const failureWords = (errorClass: string): Words =>
	WORDS[errorClass] ?? { label: "Failed", help: "The message says what happened. Trying again is safe: nothing is ever counted twice." };

export const sideWords = (side: FailedRow["side"]) => (side === "updates" ? "Update failed" : "Not counted");
