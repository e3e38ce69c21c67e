import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createAdminGateway } from "../../admin/index.ts";
import { flowPage } from "../../admin/pages/flow.ts";
import { createWorld, type World } from "../../world.ts";
import { readFlowConfig } from "./flow-config.ts";
import { adminView, createShopify, type Shop } from "./index.ts";

const APP = "https://app.example";
let world: World;
let folder: string;
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "extensions-"));
});
afterEach(async () => {
	rmSync(folder, { recursive: true, force: true });
	await world?.close();
});

const extension = (name: string, toml: string) => {
	mkdirSync(join(folder, name), { recursive: true });
	writeFileSync(join(folder, name, "shopify.extension.toml"), toml);
};
const trigger = (fields = '[[settings.fields]]\ntype = "single_line_text_field"\nkey = "Colour"', handle = "paint-dried") =>
	`[[extensions]]\nname = "Paint dried"\ntype = "flow_trigger"\nhandle = "${handle}"\ndescription = "d"\n[settings]\n${fields}\n`;
const action = (more = 'runtime_url = "/act"') =>
	`[[extensions]]\nname = "Paint"\ntype = "flow_action"\nhandle = "paint"\n${more}\n[settings]\n[[settings.fields]]\ntype = "single_line_text_field"\nkey = "colour"\nname = "Colour"\nrequired = true\n`;

describe("extensions are refused as Shopify's CLI refuses them", () => {
	it.each([
		[
			"a key with a digit",
			() => extension("a", trigger('[[settings.fields]]\ntype = "single_line_text_field"\nkey = "colour_1"')),
			"alphabetic",
		],
		["a type that triggers cannot have", () => extension("a", trigger('[[settings.fields]]\ntype = "json"\nkey = "x"')), "not supported"],
		[
			"an unknown property",
			() => extension("a", trigger('[[settings.fields]]\ntype = "url"\nkey = "x"\nrequired = true')),
			"unknown properties",
		],
		["a long handle", () => extension("a", trigger("", "a".repeat(31))), "longer than 30"],
		["an action without an address", () => extension("a", action("")), "runtime_url"],
		["an address of nobody's protocol", () => extension("a", action('runtime_url = "//elsewhere.example/act"')), "runtime_url"],
		["another kind of extension", () => extension("a", '[[extensions]]\nname = "F"\ntype = "function"\nhandle = "f"\n'), "does not know"],
	])("%s", (_, write, why) => {
		write();
		expect(() => readFlowConfig(folder)).toThrow(why);
	});

	it("and two of one handle; a folder that is not there holds none", () => {
		extension("a", trigger());
		extension("b", trigger());
		expect(() => readFlowConfig(folder)).toThrow("used twice");
		expect(readFlowConfig(join(folder, "nowhere"))).toEqual({ triggers: [], actions: [], lifecycleUrl: null });
	});
});

describe("Flow in a shop", () => {
	const open = async (answers: (path: string, body: string) => number = () => 200) => {
		extension("paint-dried", trigger());
		extension("paint", action());
		extension("use", '[[extensions]]\nname = "Use"\ntype = "flow_trigger_lifecycle_callback"\nhandle = "use"\nurl = "/use"\n');
		world = createWorld({ seed: 1, speed: 100_000 });
		const shopify = createShopify(world, { clientId: "id", clientSecret: "s", appUrl: APP, extensions: folder });
		const shop = shopify.createShop({ domain: "painter.myshopify.com" });
		const asked: { path: string; body: Record<string, unknown> }[] = [];
		const app = createServer((request, response) => {
			let text = "";
			request.on("data", (chunk) => {
				text += String(chunk);
			});
			request.on("end", () => {
				asked.push({ path: request.url ?? "", body: JSON.parse(text) as Record<string, unknown> });
				response.writeHead(answers(request.url ?? "", text)).end('{"message":"No such colour."}');
			});
		});
		await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
		world.route(APP, `http://127.0.0.1:${(app.address() as AddressInfo).port}`);
		await world.listen();
		return { shop, shopify, asked, close: () => new Promise((resolve) => app.close(resolve)) };
	};
	const refusal = (shop: Shop, args: Parameters<Shop["flow"]["receive"]>[0]) => shop.flow.receive(args)[0]?.message;

	it("takes what is declared and refuses the rest, in Shopify's recorded words where there are any", async () => {
		const { shop, close } = await open();
		expect(shop.flow.receive({ handle: "paint-dried", payload: { Colour: "red" } })).toEqual([]);
		expect(shop.flow.received()).toMatchObject([{ handle: "paint-dried", payload: { Colour: "red" }, started: false }]);
		expect(refusal(shop, {})).toBe("`handle` and `payload` arguments are required");
		expect(refusal(shop, { body: "{}", handle: "x" })).toBe("Cannot use `handle` and `payload` arguments with `body` argument");
		expect(refusal(shop, { handle: "nobody", payload: {} })).toBe("Errors validating schema:\n  Invalid handle 'nobody'.\n");
		expect(refusal(shop, { handle: "nobody", payload: { x: "y".repeat(50_001) } })).toBe(
			"Errors validating schema:\n  Properties size exceeds the limit of 50000 bytes.\n",
		);
		expect(refusal(shop, { handle: "paint-dried", payload: { Colour: "red", Shade: "dark" } })).toContain("'Shade' is not declared");
		expect(refusal(shop, { handle: "paint-dried", payload: {} })).toContain("'Colour' is missing");
		expect(refusal(shop, { handle: "paint-dried", payload: { Colour: 3 } })).toContain("'Colour' is missing or no");
		expect(shop.flow.received()).toHaveLength(1);
		expect(world.books.violations("shopify")).toHaveLength(7);
		await close();
	});

	it("a workflow goes on only if the app agrees; an action is asked for again after 202 and 503, and not after 422", async () => {
		let use = 503;
		const statuses = [503, 202, 200, 422];
		const { shop, asked, close } = await open((path) => (path === "/use" ? use : (statuses.shift() ?? 200)));
		await expect(shop.flow.use("paint-dried", true)).rejects.toThrow("cannot be turned on now");
		expect(shop.flow.isInUse("paint-dried")).toBe(false);
		use = 200;
		await shop.flow.use("paint-dried", true);
		shop.flow.receive({ handle: "paint-dried", payload: { Colour: "red" } });
		expect(shop.flow.received()[0]?.started).toBe(true);
		expect(asked[1]?.body).toMatchObject({
			flow_trigger_definition_id: "Paint dried",
			has_enabled_flow: true,
			shopify_domain: "painter.myshopify.com",
		});

		const run = await shop.flow.run("paint", { colour: "red" });
		await expect.poll(() => run.state).toBe("succeeded");
		const runs = asked.filter(({ path }) => path === "/act").map(({ body }) => body);
		expect(runs).toHaveLength(3);
		expect(new Set(runs.map((body) => body.action_run_id)).size).toBe(1);
		expect(runs[0]).toMatchObject({ handle: "paint", properties: { colour: "red" } });
		expect(await shop.flow.run("paint", { colour: "blue" })).toMatchObject({ state: "failed", attempts: 1 });
		await expect(shop.flow.run("paint", { shade: "dark" })).rejects.toThrow("has no field shade");
		await expect(shop.flow.run("nothing", {})).rejects.toThrow("declares no action nothing");
		await close();
	});

	it("has a page in the admin, where triggers are turned on, actions are run, and refusals are read", async () => {
		const { shop, shopify, close } = await open((path) => (path === "/act" ? 422 : 200));
		createAdminGateway(world, {
			shop: adminView(shop),
			mintSessionToken: (staff) => shopify.mintSessionToken(staff),
			appPublicOrigin: APP,
			appLocalOrigin: () => APP,
			channels: [],
			pages: [(root) => flowPage(shop.flow, root)],
		});
		const address = (path: string) => new URL(`/store/painter${path}`, world.origin());
		const press = async (path: string, fields: Record<string, string>) => {
			const response = await fetch(address(path), { method: "POST", body: new URLSearchParams(fields) });
			return [response.status, await response.text()];
		};
		const page = await (await fetch(address("/flow"))).text();
		for (const text of ["Paint dried", "Run “Paint”", "Simulated Shopify admin"]) expect(page).toContain(text);
		expect(await press("/flow/use", { handle: "paint-dried" })).toEqual([200, "Paint dried: the workflow is on"]);
		expect(await press("/flow/use", { handle: "nothing" })).toEqual([422, "The app declares no trigger nothing."]);
		expect(await press("/flow/run", { handle: "paint", "field colour": "mauve" })).toEqual([422, "Paint failed: No such colour."]);
		expect(await press("/flow/run", { handle: "paint" })).toEqual([422, "Colour can't be blank."]);
		expect(await (await fetch(address("/flow/figures"))).text()).toContain("No such colour.");
		await close();
	});
});
