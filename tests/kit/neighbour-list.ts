import type { CatalogueExportState, CatalogueRow, ChannelClient, HomeClient, RemoteListing } from "#channels";
import type { NeighbourStore } from "./neighbour-store.ts";

type ListClient = Pick<ChannelClient, "listListings" | "close">;
type Opened<C> = { channel: { capabilities: { listLagMs?: number } }; client: C };

/** A neighbour store's whole list, page by page, as a check reads it. What strikes between two pages strikes the store as it is then. */
export type NeighbourList = {
	open: () => Promise<Opened<ListClient>>;
	/** Instead of the listing's own row. null: it is not in the list. */
	rows: Map<string, Partial<RemoteListing> | null>;
	/** Called before each page is read, with its number. */
	beforePage: (page: number) => void | Promise<void>;
	lists: () => number;
};

export function createNeighbourList(
	store: Pick<NeighbourStore, "figures" | "unmanaged">,
	{ pageSize = 2, listLagMs = 0 }: { pageSize?: number; listLagMs?: number } = {},
): NeighbourList {
	let lists = 0;
	const list: NeighbourList = {
		rows: new Map(),
		beforePage: () => {},
		lists: () => lists,
		open: async () => ({
			channel: { capabilities: { listLagMs } },
			client: {
				async *listListings() {
					lists++;
					const ids = [...store.figures.keys()];
					for (let start = 0; start < Math.max(1, ids.length); start += pageSize) {
						await list.beforePage(start / pageSize);
						yield ids.slice(start, start + pageSize).flatMap((externalId): RemoteListing[] => {
							const own = list.rows.get(externalId);
							if (own === null) return [];
							const managed = !store.unmanaged.has(externalId);
							return [
								{
									externalId,
									parentExternalId: null,
									sku: externalId.replace("listing-", "SKU-"),
									barcode: null,
									title: `Product ${externalId}`,
									quantity: managed ? (store.figures.get(externalId) ?? null) : null,
									managed,
									...own,
								},
							];
						});
					}
				},
				close: async () => {},
			},
		}),
	};
	return list;
}

/** Home's export, as a check follows it: what home shows is written down when it is read. */
export type NeighbourExport = {
	open: () => Promise<Opened<ListClient & { home: Pick<HomeClient, "catalogue"> }>>;
	/** By "item-0 loc-0". `at`: home's clock. */
	levels: Map<string, { quantity: number; at: string }>;
	items: Map<string, { sku: string; title?: string; tracked?: boolean; stamp?: string }>;
	/** Home's clock when an export is started. */
	startedAt: string;
	/** What home answers to each start, one each; then it starts. */
	starts: ("busy" | "started")[];
	/** How each export stands when it is asked, one each; then it is ready. */
	states: CatalogueExportState[];
	beforeRow: (line: number) => void | Promise<void>;
	started: () => number;
};

export function createNeighbourExport(): NeighbourExport {
	let started = 0;
	const one: NeighbourExport = {
		levels: new Map(),
		items: new Map(),
		startedAt: "2026-03-02T00:00:00Z",
		starts: [],
		states: [],
		beforeRow: () => {},
		started: () => started,
		open: async () => ({
			channel: { capabilities: {} },
			client: {
				async *listListings() {},
				close: async () => {},
				home: {
					catalogue: {
						async start() {
							if (one.starts.shift() === "busy") return { outcome: "busy", reason: "five exports are running" };
							started++;
							const askedAt = new Date().toISOString();
							return { outcome: "started", exportId: `export-${started}`, startedAt: one.startedAt, askedAt, items: one.items.size };
						},
						async state() {
							return one.states.shift() ?? { state: "ready", url: "https://files.example/export", items: one.items.size };
						},
						async *rows(_url, { askedAt }): AsyncGenerator<CatalogueRow> {
							let line = 0;
							for (const [itemExternalId, { sku, title = sku, tracked = true, stamp = "2026-02-01T00:00:00Z" }] of one.items) {
								await one.beforeRow(++line);
								yield {
									line,
									kind: "item",
									item: {
										...{ v: 1, type: "home.item", itemExternalId, variantExternalId: null, productExternalId: null },
										...{ sku, barcode: null, title, tracked, sellsWhenOut: false, isHomeBundle: false, stamp },
									},
								};
							}
							for (const [key, { quantity, at }] of one.levels) {
								await one.beforeRow(++line);
								const [itemExternalId = "", locationExternalId = ""] = key.split(" ");
								yield {
									line,
									kind: "reading",
									reading: {
										...{ v: 1, type: "home.reading", itemExternalId, locationExternalId, quantity, readAt: at },
										...{ via: "query", askedAt, stocked: true },
									},
								};
							}
						},
					},
				},
			},
		}),
	};
	return one;
}
