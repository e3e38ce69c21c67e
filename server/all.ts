import { createMailer } from "#alerts";
import { createPulling } from "#ingest";
import { startWorkers } from "#jobs";
import { createHandlers } from "./handlers.ts";
import { createHealthEndpoints } from "./health.ts";
import { openRuntime, runProcess } from "./runtime.ts";
import { startWeb, webOptionsOf } from "./web.ts";

/** `npm start`: web and workers in one process, with an embedded database unless DATABASE_URL names a server. */
await runProcess(async () => {
	const runtime = await openRuntime({ name: "all", mayEmbed: true });
	const { env, log, pool, queue, deps } = runtime;
	const mailer = env.mail && createMailer(env.mail);
	const { orderPollMs, stockCheckMs } = env;
	const workers = startWorkers(
		createHandlers({ ...deps, rescue: queue.rescue, publicUrl: env.appUrl, orderPollMs, stockCheckMs, mailer }),
		{ queue },
	);
	const pulling = createPulling(deps);
	const options = webOptionsOf(env, deps);
	const web = await startWeb(deps, { ...options, endpoints: { ...options.endpoints, ...createHealthEndpoints({ pool, workers }) } });
	log.info({ host: env.host, port: web.port }, "process.started");
	// What is received is not applied any more, only kept; work in hand and requests in hand finish side by side.
	const stopTaking = async () => {
		await Promise.all([web.close(), pulling.close(), workers.close()]);
	};
	return { log, closers: [stopTaking, async () => mailer?.close(), runtime.close] };
});
