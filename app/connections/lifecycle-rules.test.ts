import { expect, test } from "vitest";
import { eraseDelayMs, isBeforeInstallation } from "./lifecycle-rules.ts";

const HOUR = 3_600_000;
const at = (text: string) => new Date(`2026-11-20T${text}Z`);

test("R01 a message of an earlier installation is told by its time; what is close, or says no time, is not", () => {
	const shop = { installedAt: at("12:00:00") };
	expect(isBeforeInstallation(shop, "2026-11-20T11:50:00Z")).toBe(true);
	expect(isBeforeInstallation(shop, "2026-11-20T11:58:00Z")).toBe(false);
	expect(isBeforeInstallation(shop, "2026-11-20T12:30:00Z")).toBe(false);
	expect(isBeforeInstallation(shop, null)).toBe(false);
});

test("R34 a redact that came after the uninstall erases at once, one from before it only when the right one would have come", () => {
	const uninstalledAt = at("12:00:00");
	const now = at("13:00:00").getTime();
	expect(eraseDelayMs({ uninstalledAt }, at("12:30:00"), now)).toBe(0);
	expect(eraseDelayMs({ uninstalledAt }, at("11:00:00"), now)).toBe(46 * HOUR);
	expect(eraseDelayMs({ uninstalledAt }, at("11:00:00"), now + 47 * HOUR)).toBe(0);
	expect(eraseDelayMs({ uninstalledAt: null }, at("12:00:00"), now)).toBe(47 * HOUR);
});
