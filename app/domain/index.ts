export * from "./event.ts";
export * from "./policy.ts";
