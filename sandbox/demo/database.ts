import { startEmbeddedPostgres } from "../../server/embedded/postgres.ts";
import { migrate } from "../../server/migrate.ts";

/** The demo's database server in a process of its own, as a real one would be; ends with SIGTERM. */
const server = await startEmbeddedPostgres({ directory: process.env["DEMO_DATABASE_DIR"] ?? "" });
await migrate(server.url);
process.stdout.write(`database ${server.url}\n`);
const stop = () => void server.stop().then(() => process.exit(0));
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
setInterval(() => {}, 60_000);
