export * from "./event.ts";
export * from "./guards.ts";
export * from "./money.ts";
export * from "./own-words.ts";
export * from "./policy.ts";
