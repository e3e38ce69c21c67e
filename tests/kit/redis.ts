import { inject } from "vitest";
import { askDesk } from "./desk.ts";

/** An empty database of a real Redis, or null where redis-server is not installed (and nowhere else: then tests fail, not skip). */
export async function freshRedis(): Promise<string | null> {
	return (await askDesk(inject("redisDesk"), "create")) || null;
}
