import { database } from "#app/db.server.ts";
import { env } from "#app/env.server.ts";
import type { Deps } from "#connections";
import { queue } from "#jobs";

/** What the stages' doors are given by pages and actions: the process's own database, queue and keys. */
export function deps(): Deps & { publicUrl: string } {
	const { wake, log } = queue();
	return { pool: database(), keyRing: env().keys, env: env(), log, wake, publicUrl: env().appUrl };
}
