import { defineConfig } from "vitest/config";

export default defineConfig({
	test: {
		include: ["{app,server,sandbox,scripts,tests,bench}/**/*.test.{ts,tsx}"],
		// Each file runs in a process of its own: it may kill children, set the global dispatcher, or open the process's one pool.
		pool: "forks",
		maxWorkers: 2,
		globalSetup: ["tests/kit/global-setup.ts"],
		// Real databases and servers on machines that also build: generous, a hang still fails.
		testTimeout: 30_000,
		hookTimeout: 60_000,
		teardownTimeout: 20_000,
		// Real processes, browsers and queues on a shared machine: one more try in CI, which the report names. Locally none.
	},
});
