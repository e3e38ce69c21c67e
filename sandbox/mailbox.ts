import type { AddressInfo } from "node:net";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";

export type ReceivedMail = {
	id: string;
	at: number;
	from: string;
	to: string[];
	subject: string;
	text: string;
	html: string;
	messageId: string;
};

/** What the server answers to the next e-mails. */
export type MailFault = { code: number; text: string };

/** An e-mail server for people who do not exist: it takes everything and passes nothing on. */
export type Mailbox = {
	/** `smtp://127.0.0.1:<port>`, as the app's SMTP_URL says it. */
	url(): string;
	/** Newest first. */
	received(): readonly ReceivedMail[];
	/** Refuses every e-mail with this until it is taken away. */
	refuse(fault: MailFault | null): void;
	/** Takes an e-mail and breaks the line before it says so, that many times. */
	cutAfterTaking(times: number): void;
	close(): Promise<void>;
};

/** As the app that is played here signs its e-mails. */
export const MAIL_FROM = "Lockstep <alerts@lockstep.example>";

const KEPT_MAX = 200;
const BYTES_MAX = 1_000_000;

export async function createMailbox({ now = Date.now }: { now?: () => number } = {}): Promise<Mailbox> {
	const mails: ReceivedMail[] = [];
	let fault: MailFault | null = null;
	let cuts = 0;
	const answer = ({ code, text }: MailFault) => Object.assign(new Error(text), { responseCode: code });
	const server = new SMTPServer({
		authOptional: true,
		disabledCommands: ["STARTTLS"],
		size: BYTES_MAX,
		onData(stream, session, done) {
			const chunks: Buffer[] = [];
			stream.on("data", (chunk: Buffer) => chunks.push(chunk));
			stream.on("end", async () => {
				if (fault) return done(answer(fault));
				const parsed = await PostalMime.parse(Buffer.concat(chunks));
				mails.unshift({
					id: `m${now()}-${mails.length}`,
					at: now(),
					from: parsed.from?.address ?? "",
					to: session.envelope.rcptTo.map(({ address }) => address),
					subject: parsed.subject ?? "",
					text: parsed.text ?? "",
					html: parsed.html ?? "",
					messageId: parsed.messageId ?? "",
				});
				mails.length = Math.min(mails.length, KEPT_MAX);
				if (cuts > 0) {
					cuts--;
					// 421: it goes away before the client knows that the e-mail was taken.
					return done(answer({ code: 421, text: "Service not available, closing transmission channel" }));
				}
				return done();
			});
		},
	});
	await new Promise<void>((resolve, reject) => {
		server.on("error", reject);
		server.listen(0, "127.0.0.1", resolve);
	});
	const { port } = server.server.address() as AddressInfo;
	return {
		url: () => `smtp://127.0.0.1:${port}`,
		received: () => mails,
		refuse(next) {
			fault = next;
		},
		cutAfterTaking(times) {
			cuts = times;
		},
		close: () => new Promise((resolve) => server.close(() => resolve())),
	};
}
