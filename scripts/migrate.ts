import { migrate } from "../server/migrate.ts";

/** `npm run migrate`: brings the database of DATABASE_URL to the present schema. An embedded one does that by itself at start. */
const url = process.env.DATABASE_URL;
if (!url) {
	console.log("DATABASE_URL is not set: the embedded database is migrated by itself when Lockstep starts. Nothing to do.");
} else {
	try {
		const applied = await migrate(url);
		console.log(applied.length === 0 ? "The database is up to date." : `Applied: ${applied.join(", ")}.`);
	} catch (error) {
		console.error(error instanceof Error ? error.message : String(error));
		process.exitCode = 1;
	}
}
