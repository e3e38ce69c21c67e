/** Shopify's clock against ours: what is closer than this may have been either way round, and Shopify is asked. */
const CLOCKS_APART_MS = 5 * 60_000;
/** Shopify sends shop/redact 48 hours after an uninstall (shopify.dev/docs/apps/build/compliance/privacy-law-compliance). */
const ERASE_AFTER_MS = 48 * 3_600_000;

/** A message of an earlier installation that comes late. `at`: the sender's clock; unknown is not earlier. */
export function isBeforeInstallation(shop: { installedAt: Date }, at: string | null): boolean {
	return at !== null && Date.parse(at) < shop.installedAt.getTime() - CLOCKS_APART_MS;
}

/**
 * How long an uninstalled shop is not erased yet; 0: now. A redact that came after the uninstall is the one that belongs to it.
 * One that was here before may be of an earlier uninstall: it is held for as long as the right one would take to come.
 */
export function eraseDelayMs(shop: { uninstalledAt: Date | null }, receivedAt: Date, now = Date.now()): number {
	if (shop.uninstalledAt !== null && receivedAt >= shop.uninstalledAt) return 0;
	return Math.max(0, receivedAt.getTime() + ERASE_AFTER_MS - now);
}
