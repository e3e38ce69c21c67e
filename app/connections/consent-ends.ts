import type { Channel } from "#channels";

const DAY_MS = 86_400_000;

/** When the account's owner must agree again at the latest; null: never, or access by keys that were typed in. */
export function consentEndsAt(channel: Pick<Channel, "authorization">, consentedAt: Date | null): Date | null {
	const days = channel.authorization?.renewAfterDays ?? null;
	return days === null || consentedAt === null ? null : new Date(consentedAt.getTime() + days * DAY_MS);
}
