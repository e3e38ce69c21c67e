import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseToml, type Toml } from "./toml.ts";

/**
 * What Shopify Flow knows of the app: its extensions' files, read and refused as Shopify's CLI does before it deploys them
 * (Shopify/cli, models/extensions/specifications/flow_{trigger,action}.ts, services/flow/{validation,serialize-fields}.ts).
 */
export type FlowConfig = { triggers: FlowTask[]; actions: (FlowTask & { runtimeUrl: string })[]; lifecycleUrl: string | null };
export type FlowTask = { handle: string; name: string; description: string; fields: FlowField[] };
export type FlowField = { key: string; name: string; type: string; description: string; required: boolean };

const HANDLE_CHARS_MAX = 30;
const TRIGGER_TYPES = ["boolean", "email", "multi_line_text_field", "number_decimal", "single_line_text_field", "url"];
const REFERENCES = ["customer_reference", "order_reference", "product_reference"];
const ACTION_TYPES = [...TRIGGER_TYPES, "number_integer"];

/** `folder`: one folder per extension. One that is not there holds none. */
export function readFlowConfig(folder: string | undefined): FlowConfig {
	const config: FlowConfig = { triggers: [], actions: [], lifecycleUrl: null };
	if (folder === undefined || !existsSync(folder)) return config;
	const handles = new Set<string>();
	for (const name of readdirSync(folder).sort()) {
		const file = join(folder, name, "shopify.extension.toml");
		if (!existsSync(file)) continue;
		const refuse = (why: string): never => {
			throw new Error(`${name}/shopify.extension.toml: ${why}`);
		};
		const toml = parseToml(readFileSync(file, "utf8"));
		for (const extension of (toml.extensions ?? []) as Toml[]) {
			const handle = text(extension.handle) ?? refuse("an extension has no handle");
			if (handle.length > HANDLE_CHARS_MAX || !/^[a-zA-Z0-9-]+$/.test(handle))
				refuse(`the handle "${handle}" is longer than 30 characters, or has others than letters, digits and hyphens`);
			if (handles.has(handle)) refuse(`the handle "${handle}" is used twice`);
			handles.add(handle);
			const fields = (((toml.settings ?? {}) as Toml).fields ?? []) as Toml[];
			const task = { handle, name: text(extension.name) ?? refuse("it has no name"), description: text(extension.description) ?? "" };
			switch (extension.type) {
				case "flow_trigger":
					config.triggers.push({ ...task, fields: fields.map((field) => readField(field, "trigger", refuse)) });
					break;
				case "flow_action": {
					const runtimeUrl = text(extension.runtime_url) ?? "";
					if (!isAddress(runtimeUrl)) refuse("runtime_url is neither https nor a path");
					config.actions.push({ ...task, runtimeUrl, fields: fields.map((field) => readField(field, "action", refuse)) });
					break;
				}
				case "flow_trigger_lifecycle_callback": {
					const url = text(extension.url) ?? "";
					if (!isAddress(url)) refuse("url is neither https nor a path");
					if (config.lifecycleUrl !== null) refuse("there is a lifecycle callback already");
					config.lifecycleUrl = url;
					break;
				}
				default:
					refuse(`this sandbox does not know extensions of the type ${String(extension.type)}`);
			}
		}
	}
	return config;
}

function readField(field: Toml, of: "trigger" | "action", refuse: (why: string) => never): FlowField {
	const type = text(field.type) ?? refuse("a field has no type");
	if (REFERENCES.includes(type)) {
		const key = type.replace("_reference", "_id");
		return { key, name: key, type, description: text(field.description) ?? "", required: of === "trigger" || field.required === true };
	}
	const key = text(field.key) ?? refuse(`a field of the type ${type} has no key`);
	if (of === "trigger" && !/^[a-zA-Z\s]*$/.test(key)) refuse(`the key "${key}": String must contain only alphabetic characters and spaces`);
	if (of === "action" && text(field.name) === null) refuse(`the field "${key}" has no name`);
	if (!(of === "trigger" ? TRIGGER_TYPES : ACTION_TYPES).includes(type)) refuse(`Field type ${type} is not supported on Flow ${of}s`);
	const known = of === "trigger" ? ["type", "key", "description"] : ["type", "key", "description", "name", "required"];
	const unknown = Object.keys(field).filter((name) => !known.includes(name));
	if (unknown.length > 0) refuse(`the field "${key}" has unknown properties: ${unknown.join(", ")}`);
	return {
		key,
		name: text(field.name) ?? key,
		type,
		description: text(field.description) ?? "",
		required: of === "trigger" || field.required === true,
	};
}

/** Both may be relative to the app's address (changelog of 2026, lifecycle callbacks as actions before them). */
const isAddress = (url: string) => url.startsWith("https://") || /^\/[^/]/.test(url);
const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
