import { createTransport } from "nodemailer";

export type OutgoingMail = {
	to: string;
	subject: string;
	text: string;
	html: string /** The same for every try, so that a repetition can be known. */;
	messageId: string;
};

/** What became of one try. `refused`: this e-mail will never be taken. */
export type MailResult = { outcome: "sent" } | { outcome: "refused"; error: string } | { outcome: "again"; error: string };

export type Mailer = { send(mail: OutgoingMail): Promise<MailResult>; close(): void };

const CONNECT_MS = 10_000;
const ANSWER_MS = 30_000;

/** One server by SMTP (RFC 5321). Never throws: what went wrong is a result. */
export function createMailer({ url, from }: { url: string; from: string }): Mailer {
	const transport = createTransport(
		{ url, pool: true, maxConnections: 2, connectionTimeout: CONNECT_MS, greetingTimeout: CONNECT_MS, socketTimeout: ANSWER_MS },
		{ from },
	);
	return {
		async send({ to, ...mail }) {
			try {
				await transport.sendMail({ ...mail, to: { name: "", address: to } });
				return { outcome: "sent" };
			} catch (error) {
				const said = error instanceof Error ? error.message : String(error);
				// 5yz is for good (RFC 5321, 4.2.1), but for a login that the operator may put right.
				const { responseCode, code } = error as { responseCode?: number; code?: string };
				const isForGood = code !== "EAUTH" && responseCode !== undefined && responseCode >= 500 && responseCode < 600;
				return { outcome: isForGood ? "refused" : "again", error: said };
			}
		},
		close: () => transport.close(),
	};
}
