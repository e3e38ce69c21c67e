import { createHash } from "node:crypto";
import type { Clock } from "../../../clock.ts";
import type { Random } from "../../../random.ts";

/** Limits of SQS, AWS SQS developer guide "quotas-queues" and the API reference of each action. */
export const RECEIVE_MAX = 10;
export const WAIT_MAX_S = 20;
export const VISIBILITY_MAX_S = 43_200;

export type QueueOptions = {
	name: string;
	/** `us-east-1` */
	awsRegion: string;
	visibilityTimeoutS?: number;
	retentionS?: number;
	deadLetter?: { queue: Queue; maxReceiveCount: number };
	/** Its policy lets Amazon's account 437568002678 send and look (docs set-up-notifications-with-amazon-sqs). */
	allowsAmazon?: boolean;
};

export type Received = { id: string; receiptHandle: string; body: string; md5: string; attributes: Record<string, string> };

export type Queue = {
	name: string;
	arn: string;
	url: string;
	awsRegion: string;
	visibilityTimeoutS: number;
	retentionS: number;
	deadLetter: QueueOptions["deadLetter"] | null;
	allowsAmazon: boolean;
	createdAt: number;
	send(body: string): string;
	receive(options: { max: number; waitMs: number; visibilityS: number; gone?: Promise<void> }): Promise<Received[]>;
	/** An outdated handle is accepted, and nothing is deleted (API reference of DeleteMessage). */
	remove(receiptHandle: string): "removed" | "outdated" | "invalid";
	changeVisibility(receiptHandle: string, seconds: number): "changed" | "not in flight" | "invalid";
	counts(): { visible: number; inFlight: number };
	/** Bodies that wait, for tests and consoles. */
	waiting(): string[];
};

export type Queues = {
	create(options: QueueOptions): Queue;
	byArn(arn: string): Queue | undefined;
	byUrl(url: string): Queue | undefined;
	byName(awsRegion: string, name: string): Queue | undefined;
	all(): Queue[];
};

export type QueueSetting = { clock: Clock; dice: Random; accountId: string; redeliveredShare: number; uuid: () => string };

export function createQueues(setting: QueueSetting): Queues {
	const queues: Queue[] = [];
	return {
		create(options) {
			const twin = queues.find((q) => q.name === options.name && q.awsRegion === options.awsRegion);
			if (twin) throw new Error(`There is a queue ${options.name} in ${options.awsRegion} already`);
			const made = createQueue(setting, options);
			queues.push(made);
			return made;
		},
		byArn: (arn) => queues.find((q) => q.arn === arn),
		byUrl: (url) => queues.find((q) => q.url === url),
		byName: (awsRegion, name) => queues.find((q) => q.awsRegion === awsRegion && q.name === name),
		all: () => queues,
	};
}

type Message = { id: string; body: string; sentAt: number; visibleAt: number; receives: number; firstAt: number | null; handle: string };

/** One standard queue: at least once, in no order, redelivered when it is not deleted in time. */
function createQueue(setting: QueueSetting, options: QueueOptions): Queue {
	const { clock, dice, accountId, redeliveredShare, uuid } = setting;
	const messages = new Map<string, Message>();
	const waiters = new Set<() => void>();
	const retentionS = options.retentionS ?? 4 * 24 * 3600;
	const deadLetter = options.deadLetter ?? null;

	const put = (body: string) => {
		const id = uuid();
		messages.set(id, { id, body, sentAt: clock.now(), visibleAt: clock.now(), receives: 0, firstAt: null, handle: "" });
		for (const wake of [...waiters]) wake();
		return id;
	};
	/** Whose handle it was when it was given out, also of messages that are gone. */
	const handles = new Map<string, string>();
	const find = (handle: string) => messages.get(handles.get(handle) ?? "");

	const take = (max: number, visibilityS: number): Received[] => {
		const now = clock.now();
		for (const message of messages.values()) if (message.sentAt + retentionS * 1000 <= now) messages.delete(message.id);
		const visible = dice.shuffle([...messages.values()].filter((m) => m.visibleAt <= now));
		const taken: Received[] = [];
		for (const message of visible) {
			if (taken.length === max) break;
			if (deadLetter && message.receives >= deadLetter.maxReceiveCount) {
				messages.delete(message.id);
				deadLetter.queue.send(message.body);
				continue;
			}
			taken.push(hand(message, now, visibilityS));
		}
		return taken;
	};

	const hand = (message: Message, now: number, visibilityS: number): Received => {
		const receiptHandle = `AQEB${Buffer.from(uuid()).toString("base64")}`;
		message.receives++;
		message.firstAt ??= now;
		message.visibleAt = now + visibilityS * 1000;
		message.handle = receiptHandle;
		handles.set(receiptHandle, message.id);
		return {
			id: message.id,
			receiptHandle,
			body: message.body,
			md5: md5(message.body),
			attributes: {
				SenderId: "AROA000000000NOTIFY",
				SentTimestamp: String(Math.floor(message.sentAt)),
				ApproximateReceiveCount: String(message.receives),
				ApproximateFirstReceiveTimestamp: String(Math.floor(message.firstAt)),
			},
		};
	};

	/** Until something may be visible, the time is up, or the caller went away. */
	const pause = (until: number, gone: Promise<void> | undefined) =>
		new Promise<void>((resolve) => {
			let next = until;
			for (const { visibleAt } of messages.values()) if (visibleAt > clock.now() && visibleAt < next) next = visibleAt;
			const wake = () => {
				cancel();
				waiters.delete(wake);
				resolve();
			};
			const cancel = clock.after(next - clock.now(), wake);
			waiters.add(wake);
			void gone?.then(wake);
		});

	return {
		name: options.name,
		arn: `arn:aws:sqs:${options.awsRegion}:${accountId}:${options.name}`,
		url: `https://sqs.${options.awsRegion}.amazonaws.com/${accountId}/${options.name}`,
		awsRegion: options.awsRegion,
		visibilityTimeoutS: options.visibilityTimeoutS ?? 30,
		retentionS,
		deadLetter,
		allowsAmazon: options.allowsAmazon ?? true,
		createdAt: clock.now(),
		send: put,
		async receive({ max, waitMs, visibilityS, gone }) {
			const until = clock.now() + waitMs;
			let left = false;
			void gone?.then(() => {
				left = true;
			});
			for (;;) {
				await null;
				if (left) return [];
				const taken = take(max, visibilityS);
				if (taken.length > 0 || clock.now() >= until) return taken;
				await pause(until, gone);
			}
		},
		remove(handle) {
			const message = find(handle);
			if (!message) return handles.has(handle) ? "outdated" : "invalid";
			if (message.handle !== handle) return "outdated";
			if (redeliveredShare > 0 && dice.chance(redeliveredShare)) message.visibleAt = clock.now();
			else messages.delete(message.id);
			return "removed";
		},
		changeVisibility(handle, seconds) {
			const message = find(handle);
			if (!message) return handles.has(handle) ? "not in flight" : "invalid";
			if (message.visibleAt <= clock.now()) return "not in flight";
			message.visibleAt = clock.now() + seconds * 1000;
			if (seconds === 0) for (const wake of [...waiters]) wake();
			return "changed";
		},
		counts() {
			const visible = [...messages.values()].filter((m) => m.visibleAt <= clock.now()).length;
			return { visible, inFlight: messages.size - visible };
		},
		waiting: () => [...messages.values()].map((m) => m.body),
	};
}

export const md5 = (text: string) => createHash("md5").update(text, "utf8").digest("hex");
