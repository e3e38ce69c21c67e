/** A shop's permanent domain, in lower case. Anything else that calls itself a shop is somebody else's host. */
export const isShopDomain = (text: string): boolean => /^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$/.test(text);
