import { createMailer } from "#alerts";
import { createPulling } from "#ingest";
import { startWorkers } from "#jobs";
import { createHandlers } from "./handlers.ts";
import { startHealthServer } from "./health.ts";
import { openRuntime, runProcess } from "./runtime.ts";

/** `npm run worker`: the background work alone, as many processes as wanted, on a database server (DATABASE_URL). */
await runProcess(async () => {
	const runtime = await openRuntime({ name: "worker", mayEmbed: false });
	const { env, log, pool, queue, deps } = runtime;
	const mailer = env.mail && createMailer(env.mail);
	const { orderPollMs, stockCheckMs } = env;
	const workers = startWorkers(
		createHandlers({ ...deps, rescue: queue.rescue, publicUrl: env.appUrl, orderPollMs, stockCheckMs, mailer }),
		{ queue },
	);
	const pulling = createPulling(deps);
	const health =
		env.healthPort === undefined ? undefined : await startHealthServer({ pool, workers }, { port: env.healthPort, host: env.host });
	log.info({ healthPort: health?.port, queues: pulling.queues }, "worker.started");
	// Pulled messages are kept, and what they wake may find another worker; then work in hand finishes.
	return { log, closers: [pulling.close, () => workers.close(), async () => health?.close(), async () => mailer?.close(), runtime.close] };
});
