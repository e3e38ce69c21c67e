import { randomBytes } from "node:crypto";
import { type DocumentNode, execute, type FieldNode, Kind, type OperationDefinitionNode, parse, print } from "graphql";
import type { World } from "../../world.ts";
import type { AccessToken } from "./auth.ts";
import type { Context } from "./graphql/context.ts";
import { documentRefusals } from "./graphql/refusals.ts";
import { schema } from "./graphql/schema.ts";
import type { Stage } from "./happening.ts";
import { type BulkOperation, gid } from "./model.ts";
import { bulkPayload } from "./payloads.ts";

/**
 * Bulk queries. They really run over time, a slice of the root's entries after another, while the shop goes on selling: each
 * line shows its object as it was when its slice was read. Children are lines of their own with `__parentId`.
 */
export const BULK_HOST = "storage.googleapis.com";
const BULK_AT_A_TIME = 5;
const CONNECTIONS_MAX = 5;
const DEPTH_MAX = 2;
/** How long a run waits before its first slice, and rests after each; and how many of the root's entries one slice reads. */
export const BULK_PACE = { startMs: 150, sliceMs: 40, slice: 100 };
/** A result can be fetched for seven days. */
const URL_MS = 7 * 86_400_000;

type Files = Map<string, { lines: readonly string[]; until: number }>;
type UserErrors = { field: string[] | null; message: string; code?: string }[];

export function createBulkOperations(
	stage: Stage,
	{ world, contextFor, files, pace }: { world: World; contextFor: (access: AccessToken) => Context; files: Files; pace: typeof BULK_PACE },
) {
	const { state } = stage;
	const unfinished = () => [...state.bulkOperations.values()].filter((b) => ["CREATED", "RUNNING", "CANCELING"].includes(b.status));
	const refuse = (
		message: string,
		code = "INVALID",
		field: string[] | null = ["query"],
	): { bulkOperation: null; userErrors: UserErrors } => ({ bulkOperation: null, userErrors: [{ field, message, code }] });

	const run = (query: string, groupObjects: boolean, access: AccessToken) => {
		if (query.trim() === "") return refuse("Invalid bulk query: syntax error, unexpected end of file");
		let document: DocumentNode;
		try {
			document = parse(query);
		} catch (error) {
			return refuse(`Invalid bulk query: ${error instanceof Error ? error.message : String(error)}`);
		}
		const wrong = documentRefusals(schema, document);
		if (wrong.length > 0) return refuse(`Invalid bulk query: ${wrong.map((refusal) => refusal.message).join(", ")}`);
		const operation = document.definitions.find(
			(d): d is OperationDefinitionNode => d.kind === Kind.OPERATION_DEFINITION,
		) as OperationDefinitionNode;
		const shape = shapeOf(operation);
		if (shape.connections === 0) return refuse("Bulk queries must contain at least one connection.");
		if (shape.connections > CONNECTIONS_MAX) return refuse(`Bulk queries cannot contain more than ${CONNECTIONS_MAX} connections.`);
		if (shape.depth > DEPTH_MAX) return refuse("Bulk queries cannot contain connections with a nesting depth greater than 2.");
		if (!access.bulk) return refuse("Bulk operations need an offline access token.");
		const running = unfinished();
		if (running.length >= BULK_AT_A_TIME) {
			const ids = running.map((b) => gid("BulkOperation", b.id)).join(", ");
			return refuse(`A bulk query operation for this app and shop is already in progress: ${ids}.`, "OPERATION_IN_PROGRESS", null);
		}
		const made: BulkOperation = {
			kind: "BulkOperation",
			id: state.nextId(),
			status: "CREATED",
			errorCode: null,
			query,
			createdAt: Math.floor(world.clock.now()),
			completedAt: null,
			objectCount: 0,
			rootObjectCount: 0,
			lines: [],
			url: null,
			partialDataUrl: null,
		};
		state.bulkOperations.set(made.id, made);
		world.clock.after(pace.startMs, () => void play(made, operation, { groupObjects, context: { ...contextFor(access), bulk: true } }));
		// The answer shows the operation as it was created, whatever becomes of it while the answer travels.
		return { bulkOperation: { ...made }, userErrors: [] };
	};

	const play = async (
		operation: BulkOperation,
		query: OperationDefinitionNode,
		{ groupObjects, context }: { groupObjects: boolean; context: Context },
	) => {
		if (operation.status === "CREATED") operation.status = "RUNNING";
		for (const root of query.selectionSet.selections.filter((s): s is FieldNode => s.kind === Kind.FIELD)) {
			const ids = await rootIds(root, context);
			if (ids === null) return finish(operation, "FAILED", "ACCESS_DENIED");
			for (let from = 0; from < ids.length; from += pace.slice) {
				if (operation.status === "CANCELING") return finish(operation, "CANCELED", null);
				const slice = await readSlice(root, ids.slice(from, from + pace.slice), context);
				if (slice === null) return finish(operation, "FAILED", "ACCESS_DENIED");
				append(operation, slice, groupObjects);
				await world.clock.sleep(pace.sliceMs);
			}
		}
		finish(operation, operation.status === "CANCELING" ? "CANCELED" : "COMPLETED", null);
	};

	const finish = (operation: BulkOperation, status: BulkOperation["status"], errorCode: BulkOperation["errorCode"]) => {
		operation.status = status;
		operation.errorCode = errorCode;
		operation.completedAt = Math.floor(world.clock.now());
		if (operation.lines.length > 0) {
			const name = `${randomBytes(16).toString("hex")}/bulk-${operation.id}.jsonl`;
			files.set(name, { lines: operation.lines, until: operation.completedAt + URL_MS });
			const url = `https://${BULK_HOST}/shopify-tiers-assets-prod-us-east1/${name}?GoogleAccessId=assets-us-prod&Expires=${Math.floor((operation.completedAt + URL_MS) / 1000)}`;
			if (status === "COMPLETED") operation.url = url;
			else operation.partialDataUrl = url;
		}
		stage.happen("write", (happening) => {
			happening.topics.push({
				topic: "bulk_operations/finish",
				resourceId: String(operation.id),
				payload: () => bulkPayload(state, operation),
			});
		});
	};

	const cancel = (id: number) => {
		const operation = state.bulkOperations.get(id);
		if (!operation) return { bulkOperation: null, userErrors: [{ field: ["id"], message: "Bulk operation does not exist" }] };
		if (!unfinished().includes(operation)) {
			const message = `A bulk operation cannot be canceled when it is ${operation.status.toLowerCase()}`;
			return { bulkOperation: operation, userErrors: [{ field: null, message }] };
		}
		operation.status = "CANCELING";
		return { bulkOperation: { ...operation }, userErrors: [] };
	};

	return { run, cancel };
}

/** How many connections, and how deep inside one another. A connection is what is asked for edges or nodes. */
function shapeOf(operation: OperationDefinitionNode): { connections: number; depth: number } {
	const walk = (field: FieldNode, inside: number): { connections: number; depth: number } => {
		const own = isConnection(field) ? 1 : 0;
		const inner = fields(field).map((f) => walk(f, inside + own));
		return {
			connections: own + inner.reduce((sum, i) => sum + i.connections, 0),
			depth: Math.max(own > 0 ? inside + 1 : 0, ...inner.map((i) => i.depth)),
		};
	};
	const all = operation.selectionSet.selections.flatMap((s) => (s.kind === Kind.FIELD ? [walk(s, 0)] : []));
	return { connections: all.reduce((sum, i) => sum + i.connections, 0), depth: Math.max(0, ...all.map((i) => i.depth)) };
}

const fields = (field: FieldNode): FieldNode[] =>
	(field.selectionSet?.selections ?? []).filter((s): s is FieldNode => s.kind === Kind.FIELD);
const isConnection = (field: FieldNode) => fields(field).some((f) => f.name.value === "edges" || f.name.value === "nodes");

async function rootIds(root: FieldNode, context: Context): Promise<string[] | null> {
	if (!isConnection(root)) return ["root"];
	const alias = root.alias?.value ?? root.name.value;
	const kept = (root.arguments ?? [])
		.filter((a) => a.name.value !== "first")
		.map((a) => print(a))
		.join(", ");
	const answer = await execute({
		schema,
		document: parse(`{ ${alias === root.name.value ? "" : `${alias}: `}${root.name.value}${kept ? `(${kept})` : ""} { nodes { id } } }`),
		contextValue: context,
	});
	const found = (answer.data as Record<string, { nodes: { id: string }[] }> | null)?.[alias];
	return answer.errors || !found ? null : found.nodes.map((node) => node.id);
}

type Row = { parent: Record<string, unknown>; children: Record<string, unknown>[] };

/** Reads some of the root's entries now, with everything below them. */
async function readSlice(root: FieldNode, ids: readonly string[], context: Context): Promise<Row[] | null> {
	const node = nodeSelection(root);
	const type = typeName(ids[0] ?? "");
	if (!isConnection(root) || !node || !type) {
		const answer = await execute({ schema, document: parse(`{ ${print(root)} }`), contextValue: context });
		return answer.errors
			? null
			: [flatten((answer.data as Record<string, Record<string, unknown>>)[root.alias?.value ?? root.name.value] ?? {}, root)];
	}
	const selection = print({ kind: Kind.SELECTION_SET, selections: node.selectionSet?.selections ?? [] });
	const answer = await execute({
		schema,
		document: parse(`query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on ${type} ${selection} } }`),
		contextValue: context,
		variableValues: { ids },
	});
	if (answer.errors) return null;
	const rows = (answer.data as { nodes: (Record<string, unknown> | null)[] }).nodes;
	const askedTypename = fields(node).some((f) => f.name.value === "__typename");
	// What was deleted since the ids were listed is left out.
	return rows.flatMap((row) => {
		if (row === null) return [];
		const { __typename, ...rest } = row;
		return [flatten(askedTypename ? { __typename, ...rest } : rest, node)];
	});
}

const typeName = (id: string) => /^gid:\/\/shopify\/(\w+)\//.exec(id)?.[1] ?? null;

/** The selection of one entry: `nodes { … }` or `edges { node { … } }`. */
function nodeSelection(connection: FieldNode): FieldNode | undefined {
	const nodes = fields(connection).find((f) => f.name.value === "nodes");
	const edges = fields(connection).find((f) => f.name.value === "edges");
	return nodes ?? (edges && fields(edges).find((f) => f.name.value === "node"));
}

/**
 * Takes the nested connections out of an object, those inside its plain objects too, and makes lines of their entries. Their
 * parent is the nearest object that has a line: levels below `inventoryItem` name the variant (as apps read them: mechanic-tasks,
 * sync-inventory-levels-to-variant-metafields).
 */
function flatten(object: Record<string, unknown>, selection: FieldNode): Row {
	const children: Record<string, unknown>[] = [];
	const lift = (value: Record<string, unknown>, from: FieldNode): Record<string, unknown> => {
		const kept: Record<string, unknown> = { ...value };
		for (const field of fields(from)) {
			const key = field.alias?.value ?? field.name.value;
			const below = kept[key];
			if (!isConnection(field)) {
				if (typeof below === "object" && below !== null && !Array.isArray(below)) kept[key] = lift(below as Record<string, unknown>, field);
				continue;
			}
			const connection = below as { nodes?: Record<string, unknown>[]; edges?: { node: Record<string, unknown> }[] } | null;
			delete kept[key];
			const inner = nodeSelection(field);
			for (const entry of connection?.nodes ?? connection?.edges?.map((edge) => edge.node) ?? []) {
				const row = inner ? flatten(entry, inner) : { parent: entry, children: [] };
				children.push({ ...row.parent, __parentId: object.id }, ...row.children);
			}
		}
		return kept;
	};
	return { parent: lift(object, selection), children };
}

function append(operation: BulkOperation, rows: readonly Row[], groupObjects: boolean): void {
	const parents = rows.map((row) => JSON.stringify(row.parent));
	const children = rows.map((row) => row.children.map((child) => JSON.stringify(child)));
	// Ungrouped, a child comes somewhere after its parent, not necessarily right behind it.
	operation.lines.push(
		...(groupObjects
			? rows.flatMap((_, index) => [parents[index] as string, ...(children[index] ?? [])])
			: [...parents, ...children.flat()]),
	);
	operation.rootObjectCount += rows.length;
	operation.objectCount = operation.lines.length;
}
