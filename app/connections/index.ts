/**
 * Connections: which accounts a shop has, their sealed credentials and tokens, how a shop comes and goes, and what it is
 * imported from. `openClient` is how every stage gets to an account's API.
 */
export { type Availability, appSettingsOf, availableChannels } from "./app-settings.ts";
export { type ChannelDefaults, readChannelDefaults, setChannelDefaults } from "./channel-defaults.ts";
export { checkHealth, type HealthChecked } from "./check-health.ts";
export { type ConnectionRow, type ConnectionState, readConnection, readHomeConnection } from "./connection-row.ts";
export { consentEndsAt, type EndingConsent, findEndingConsents } from "./consent-ends.ts";
export { isOperatorsTrouble } from "./consented-token.ts";
export { type Credentials, openCredentials, sealCredentials } from "./credentials.ts";
export type { Deps } from "./deps.ts";
export { type EnsuredShop, ensureShop } from "./ensure-shop.ts";
export { type Health, noteRefusal, setHealth } from "./health.ts";
export { type ImportOutcome, runImport } from "./import/run-import.ts";
export { onShopAuthenticated, type ShopAuthenticated } from "./install.ts";
export { handleLifecycle, type LifecycleOutcome } from "./lifecycle.ts";
export { ConnectionClosedError, openClient } from "./open-client.ts";
export { type Resealed, resealCredentials } from "./reseal.ts";
export { createSessionStorage } from "./session-storage.ts";
export { type ConnectionSettings, connectionSettingsSchema } from "./settings.ts";
export { isShopDomain } from "./shop-domain.ts";
export { accessTokenFor, refreshAgingTokens } from "./tokens.ts";
export { findWaitingImports, findWaitingLifecycle } from "./waiting.ts";
