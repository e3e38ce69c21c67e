/**
 * The arrows of the house. Stages stand in the order in which a sale passes them; each may use what stands before it on the
 * list of leaves and stages below, and is used through its door (index.ts) alone.
 */
const stage = (name) => `^app/${name}/`;

/** May import, by door: everything else between stages is refused. */
const arrows = {
	domain: [],
	ledger: ["domain"],
	listings: ["domain", "ledger"],
	inbox: ["domain", "telemetry"],
	jobs: ["telemetry"],
	telemetry: [],
	channels: ["domain"],
	"dead-letters": ["domain"],
	connections: ["domain", "channels", "jobs", "telemetry", "inbox", "dead-letters", "ledger", "listings", "apply"],
	ingest: ["domain", "channels", "connections", "inbox", "jobs", "telemetry", "dead-letters"],
	apply: ["domain", "ledger", "listings", "inbox", "telemetry", "dead-letters"],
	delivery: ["domain", "ledger", "channels", "connections", "listings", "inbox", "jobs", "telemetry", "dead-letters"],
	reconcile: ["domain", "channels", "connections", "inbox", "jobs", "telemetry", "listings"],
	flow: ["channels", "connections", "ingest", "dead-letters", "replay"],
	alerts: ["channels", "connections", "jobs", "telemetry"],
};

const notTests = "\\.(test|property\\.test|contract\\.test|test-child)\\.tsx?$";

module.exports = {
	forbidden: [
		{
			name: "no-cycles",
			comment: "Two modules that need each other are one module, or one of them is in the wrong place.",
			severity: "error",
			from: {},
			to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
		},
		...Object.entries(arrows).map(([name, allowed]) => ({
			name: `arrows-${name}`,
			comment: `app/${name} may import only ${allowed.length > 0 ? allowed.join(", ") : "nothing"} of the other stages.`,
			severity: "error",
			from: { path: stage(name), pathNot: notTests },
			to: { path: "^app/[^/]+/", pathNot: [name, ...allowed].map(stage) },
		})),
		...Object.keys(arrows)
			.filter((name) => name !== "channels" && name !== "connections")
			.map((name) => ({
				name: `door-${name}`,
				comment: `app/${name} is used through its door, #${name}.`,
				severity: "error",
				from: { path: "^(app|server)/", pathNot: [stage(name), notTests] },
				to: { path: stage(name), pathNot: `^app/${name}/index\\.ts$` },
			})),
		{
			name: "channel-folders-are-islands",
			comment: "A channel folder imports domain and channels/{channel,errors,http}.ts, and never another channel's folder.",
			severity: "error",
			from: { path: "^app/channels/([^/]+)/", pathNot: notTests },
			to: { path: "^app/", pathNot: ["^app/channels/$1/", "^app/domain/", "^app/channels/(channel|errors|http)\\.ts$"] },
		},
		{
			name: "generic-code-knows-no-channel",
			comment: "Only the registry names a channel's folder; everyone else asks capabilities.",
			severity: "error",
			from: { path: "^(app|server)/", pathNot: ["^app/channels/", notTests] },
			to: { path: "^app/channels/(?!index\\.ts|channel\\.ts|errors\\.ts|http\\.ts)" },
		},
		{
			name: "domain-is-pure",
			comment: "The shared words import nothing but zod.",
			severity: "error",
			from: { path: "^app/domain/", pathNot: notTests },
			to: { pathNot: ["^app/domain/", "node_modules/zod/"] },
		},
		{
			name: "ledger-knows-no-outside",
			comment: "The ledger imports no queue, no channel, no Shopify.",
			severity: "error",
			from: { path: "^app/(ledger|listings|apply)/", pathNot: notTests },
			to: { path: ["node_modules/(bullmq|ioredis|undici|@shopify)/", "^app/(jobs|channels|shopify\\.server\\.ts)"] },
		},
		{
			name: "no-sandbox-in-the-app",
			comment: "Production code knows nothing of the sandbox.",
			severity: "error",
			from: { path: "^(app|server)/", pathNot: notTests },
			to: { path: "^(sandbox|tests|scripts|bench)/" },
		},
		{
			name: "no-app-in-the-sandbox",
			comment: "The sandbox is written from the published contracts: two wrongs must not agree.",
			severity: "error",
			from: { path: "^sandbox/", pathNot: ["^sandbox/demo/", notTests] },
			to: { path: "^(app|server|tests|scripts|bench)/" },
		},
		{
			name: "components-hold-no-secrets",
			comment: "What the browser is sent reaches no .server module.",
			severity: "error",
			from: { path: "^app/components/" },
			to: { path: "\\.server\\.tsx?$", dependencyTypesNot: ["type-only"] },
		},
		{
			name: "one-way-out-of-the-house",
			comment: "Requests to channels go through app/channels/http.ts, which knows limits, addresses and budgets.",
			severity: "error",
			from: { path: "^app/", pathNot: ["^app/channels/(http|public-hosts)\\.ts$", notTests] },
			to: { path: ["node_modules/undici/", "^https?$"], dependencyTypesNot: ["type-only"] },
		},
		{
			name: "resolvable",
			comment: "Every import leads somewhere.",
			severity: "error",
			from: {},
			to: { couldNotResolve: true, pathNot: "\\?url$" },
		},
	],
	options: {
		doNotFollow: { path: "node_modules" },
		exclude: { path: "(^|/)fixtures/" },
		tsPreCompilationDeps: true,
		tsConfig: { fileName: "tsconfig.json" },
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["import", "node", "default"],
			extensions: [".ts", ".tsx", ".js", ".mjs"],
		},
	},
};
