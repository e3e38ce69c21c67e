import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ACTIONS, TRIGGERS, triggerOf, USAGE_PATH } from "#app/flow/vocabulary.ts";
import { createFlowEndpoints } from "#flow";
import { readFlowConfig } from "../../sandbox/channels/shopify/flow-config.ts";
import { parseToml } from "../../sandbox/channels/shopify/toml.ts";
import { webOptionsOf } from "../../server/web.ts";

const folder = fileURLToPath(new URL("../../extensions/", import.meta.url));
/** Refuses what Shopify's CLI refuses. */
const config = readFlowConfig(folder);
const byHandle = (tasks: readonly { handle: string }[]) => tasks.map(({ handle }) => handle).sort();

test("R34 every extension lies in a folder of its name and is one that the code knows, and none is missing", () => {
	const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
	expect(folders.map(({ name }) => name).sort()).toEqual([...Object.keys(TRIGGERS), ...Object.keys(ACTIONS), "flow-usage"].sort());
	for (const { name } of folders) expect(existsSync(`${folder}${name}/shopify.extension.toml`)).toBe(true);
	expect(byHandle(config.triggers)).toEqual(Object.keys(TRIGGERS).sort());
	expect(byHandle(config.actions)).toEqual(Object.keys(ACTIONS).sort());
});

test.each(config.triggers)(
	"R34 the trigger $name declares exactly the fields that are sent, of their types",
	({ handle, name, fields }) => {
		const sent = TRIGGERS[handle as keyof typeof TRIGGERS];
		expect(name).toBe(sent.name);
		const types = Object.entries(sent.fields.shape).map(([key, type]) => [key, type.def.type === "number" ? "number" : "text"]);
		expect(fields.map(({ key, type }) => [key, type === "number_decimal" ? "number" : "text"])).toEqual(types);
		for (const field of fields) expect(field.description).not.toBe("");
		expect([triggerOf(name), triggerOf(handle), triggerOf("Something else")]).toEqual([handle, handle, null]);
	},
);

test.each(config.actions)(
	"R34 the action $name declares exactly the fields that are read, and leads to where they are",
	({ handle, name, fields, runtimeUrl }) => {
		const read = ACTIONS[handle as keyof typeof ACTIONS];
		expect([name, runtimeUrl]).toEqual([read.name, read.path]);
		expect(fields.map(({ key }) => key)).toEqual(Object.keys(read.properties.shape));
		const needed = fields.filter((field) => field.required).map((field) => field.key);
		expect(read.properties.safeParse(Object.fromEntries(needed.map((key) => [key, "x"]))).success).toBe(true);
		for (const key of needed)
			expect(read.properties.safeParse(Object.fromEntries(needed.filter((k) => k !== key).map((k) => [k, "x"]))).success).toBe(false);
	},
);

test("R34 what Flow calls is served, and under the app's own address", () => {
	expect(config.lifecycleUrl).toBe(USAGE_PATH);
	const served = Object.keys(createFlowEndpoints({ env: { shopifyApiSecrets: [] } } as never));
	const whole = webOptionsOf({ appUrl: "https://lockstep.example" } as never, { env: { shopifyApiSecrets: [] } } as never).endpoints ?? {};
	expect(Object.keys(whole)).toEqual(expect.arrayContaining(served));
	expect(served.sort()).toEqual([USAGE_PATH, ...config.actions.map(({ runtimeUrl }) => runtimeUrl)].sort());
});

test("R34 names say what happened or what to do, in Shopify's manner: sentence case, no punctuation", () => {
	for (const { name, description } of [...config.triggers, ...config.actions]) {
		expect(name).toMatch(/^[A-Z][A-Za-z ]+$/);
		expect(description.length).toBeGreaterThan(20);
	}
	const raw = parseToml(readFileSync(`${folder}flow-usage/shopify.extension.toml`, "utf8")) as { extensions: object[] };
	expect(raw.extensions).toHaveLength(1);
});
