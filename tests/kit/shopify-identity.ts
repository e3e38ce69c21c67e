/** The app as the sandbox's Shopify knows it in tests. */
export const CLIENT_ID = "lockstep-test";
export const CLIENT_SECRET = "test-secret-of-the-app";
