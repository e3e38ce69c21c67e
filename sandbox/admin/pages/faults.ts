import type { World } from "../../world.ts";
import type { Breakage } from "./break-it.ts";

type NamedChannel = { id: string; name: string };

const RATE = 0.3;
const LATE_MS = 8_000;
const COPIES = 3;
const RETRY_AFTER_SECONDS = 2;
const CUT_MS = 60_000;
/** An old write that lands so late has newer ones before it. */
const LANDS_LATE_MS = 20_000;

/** The faults that every channel's stand-in knows. A button switches one on, and off again. */
export function faultsOf({ faults }: World, channel: NamedChannel): Breakage[] {
	const { id, name: channelName } = channel;
	const toggle = (name: string, label: string, explanation: string, set: (rate: number) => void, rate = RATE): Breakage => {
		const isOn = () => faults.active().some((fault) => fault.channel === id && fault.name === `panel-${name}`);
		return {
			id: `${id}-${name}`,
			group: channelName,
			label,
			explanation,
			isOn,
			press() {
				const on = isOn();
				set(on ? 0 : rate);
				return `${channelName}: ${label.toLowerCase()}, ${on ? "off" : "on"}`;
			},
		};
	};
	type WebhookFault = Parameters<typeof faults.onWebhooks>[3];
	type RequestFault = Parameters<typeof faults.onRequests>[3];
	const notices = (name: string, label: string, explanation: string, fault: WebhookFault) =>
		toggle(name, label, explanation, (rate) => faults.onWebhooks(id, `panel-${name}`, rate, fault));
	const requests = (name: string, label: string, explanation: string, fault: RequestFault, rate = RATE) =>
		toggle(name, label, explanation, (on) => faults.onRequests(id, `panel-${name}`, on, fault), rate);
	const share = `${Math.round(RATE * 100)}%`;
	return [
		notices("duplicate", "Duplicate notifications", `${share} of its notifications come ${COPIES} times.`, {
			kind: "duplicate",
			copies: COPIES,
		}),
		notices("lose", "Lose notifications", `${share} of its notifications never come; the order poll must find them.`, { kind: "lost" }),
		notices("delay", "Delay notifications", `${share} of its notifications come ${LATE_MS / 1000} s late.`, {
			kind: "late",
			delayMs: LATE_MS,
		}),
		notices("reorder", "Reorder notifications", `${share} of its notifications come after newer ones.`, { kind: "reordered" }),
		requests(
			"throttle",
			"Answer “too many requests”",
			`Half of all requests get a 429 and are told to wait ${RETRY_AFTER_SECONDS} s.`,
			{ kind: "status", status: 429, retryAfterSeconds: RETRY_AFTER_SECONDS },
			0.5,
		),
		requests("error", "Answer “server error”", `${share} of all requests get a 500.`, { kind: "status", status: 500 }),
		requests("timeout", "Time out after the work", `${share} of all requests are carried out, and never answered.`, {
			kind: "timeout",
			effect: "before",
		}),
		requests("late", "Carry out late", `${share} of all requests are cut off, and carried out ${LANDS_LATE_MS / 1000} s later.`, {
			kind: "lands-late",
			delayMs: LANDS_LATE_MS,
		}),
		requests("down", "Take it down", "Every request gets a 503 until you switch it on again.", { kind: "status", status: 503 }, 1),
	];
}

/** Nothing comes in and nothing gets out for a minute; a second press ends it early. */
export function cutTheLine({ faults, clock }: World, channels: readonly NamedChannel[]): Breakage {
	const isOn = () => faults.active().some(({ name }) => name === CUT);
	const cut = (rate: number) => {
		for (const { id } of channels) {
			faults.onWebhooks(id, CUT, rate, { kind: "lost" });
			faults.onRequests(id, CUT, rate, { kind: "status", status: 503 });
		}
	};
	let mend = () => {};
	return {
		id: "cut-the-line",
		group: "Everything",
		label: "Lose everything for a minute",
		explanation: "All channels at once: no notification arrives, every request fails. Then it is as before, and nothing is sent again.",
		isOn,
		press() {
			mend();
			if (isOn()) {
				cut(0);
				return "The line is mended";
			}
			cut(1);
			mend = clock.after(CUT_MS, () => cut(0));
			return "The line is cut for a minute";
		},
	};
}
const CUT = "panel-cut";
