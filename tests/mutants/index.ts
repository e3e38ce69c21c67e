import { alerts } from "./alerts.ts";
import { apply } from "./apply.ts";
import { backfill } from "./backfill.ts";
import { base } from "./base.ts";
import { channels } from "./channels.ts";
import { connections } from "./connections.ts";
import { deadLetters } from "./dead-letters.ts";
import { delivery } from "./delivery.ts";
import { guards } from "./guards.ts";
import { ingest } from "./ingest.ts";
import { ledger } from "./ledger.ts";
import { listings } from "./listings.ts";
import type { Mutant } from "./mutant.ts";
import { oversells } from "./oversells.ts";
import { pages } from "./pages.ts";
import { reconcile } from "./reconcile.ts";
import { replay } from "./replay.ts";

/**
 * Bugs that would oversell, lose or leak without anybody noticing, by the stage that they are planted in. `npm run mutants` plants them
 * one by one.
 */
export const mutants: Mutant[] = [
	...base,
	...ingest,
	...apply,
	...ledger,
	...listings,
	...delivery,
	...channels,
	...connections,
	...reconcile,
	...alerts,
	...guards,
	...oversells,
	...deadLetters,
	...replay,
	...backfill,
	...pages,
];
