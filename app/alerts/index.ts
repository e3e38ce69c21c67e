/** Alerts: what a merchant is told of without looking, by e-mail; and the day's summary. */
export { queueDigests } from "./digest.ts";
export { ALERT_KINDS, type AlertKind, KIND_FACTS } from "./kinds.ts";
export { lookForAlerts } from "./look.ts";
export { findWaitingMail, forgetOldMail, sendMail } from "./mail/send-mail.ts";
export { askForTestMail, type LastMail, lastMail } from "./mail/test-mail.ts";
export { createMailer, type Mailer } from "./mail/transport.ts";
export { type MailRules, type MailRulesSaved, RECIPIENTS_MAX, readMailRules, saveMailRules } from "./rules.ts";
