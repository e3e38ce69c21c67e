export * from "./event.ts";
export * from "./guards.ts";
export * from "./policy.ts";
