/**
 * The part of `body` that the paths name; everything else, and with it everything personal, is dropped (R04). Paths read as
 * in shopify.app.toml's include_fields: "line_items.id" is the id of every line item. Only what is there is copied: whether
 * it suffices is for the mapping to say.
 */
export function pick(body: unknown, paths: readonly string[]): unknown {
	return pickTree(body, treeOf(paths));
}

type Tree = Map<string, Tree>;

function treeOf(paths: readonly string[]): Tree {
	const root: Tree = new Map();
	for (const path of paths) {
		let node = root;
		for (const name of path.split(".")) {
			const next = node.get(name) ?? new Map();
			node.set(name, next);
			node = next;
		}
	}
	return root;
}

function pickTree(value: unknown, tree: Tree): unknown {
	if (Array.isArray(value)) return value.map((entry) => pickTree(entry, tree));
	// A leaf is copied only if it is a plain value: an object where a value belongs could carry anything.
	if (tree.size === 0) return isObject(value) ? undefined : value;
	if (!isObject(value)) return value === null ? null : undefined;
	const kept: Record<string, unknown> = {};
	for (const [name, below] of tree) {
		if (!Object.hasOwn(value, name)) continue;
		const part = pickTree(value[name], below);
		if (part !== undefined) kept[name] = part;
	}
	return kept;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
