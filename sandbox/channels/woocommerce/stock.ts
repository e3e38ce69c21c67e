import type { Shop } from "./shop.ts";
import {
	dropLineMeta,
	type Line,
	metaOf,
	type Order,
	type Product,
	productOfLine,
	type StockStatus,
	setLineMeta,
	stockOwner,
	variationsOf,
} from "./state.ts";

/** What moved the figure, in the words of the sandbox's books. */
export type Cause = "opening" | "sale" | "restock" | "write" | "edit";

/** WooCommerce's default "out of stock threshold". */
const NO_STOCK_AMOUNT = 0;

export function statusFromStock(product: Product): StockStatus {
	if ((product.stock ?? 0) > NO_STOCK_AMOUNT) return "instock";
	return product.backorders === "no" ? "outofstock" : "onbackorder";
}

/** What `stock_status` reads: of the row that counts, of a variable product its variations together, else as it was set. */
export function stockStatusOf(shop: Shop, product: Product): StockStatus {
	const owner = stockOwner(shop.state, product);
	if (owner) return owner.stockStatus;
	if (product.type !== "variable") return product.stockStatus;
	const children = variationsOf(shop.state, product.id)
		.filter((child) => child.status === "publish")
		.map((child) => stockStatusOf(shop, child));
	if (children.length === 0) return product.stockStatus;
	return children.includes("instock") ? "instock" : children.includes("onbackorder") ? "onbackorder" : "outofstock";
}

/** Moves the pieces of one stock row by `delta`: `SET stock = stock + delta` in the database, so such moves are never lost. */
export function moveStock(shop: Shop, owner: Product, delta: number, cause: Cause) {
	setStock(shop, owner, (owner.stock ?? 0) + delta, cause);
	stamp(shop, owner);
	shop.tell("product.updated", owner.id);
}

export function setStock(shop: Shop, owner: Product, quantity: number | null, cause: Cause) {
	owner.stock = quantity;
	if (owner.manageStock) owner.stockStatus = statusFromStock(owner);
	showFigure(shop, owner, cause);
}

/** Every save moves `date_modified`, and a variation's also its parent's. */
export function stamp(shop: Shop, product: Product) {
	product.modifiedAt = shop.time.seconds();
	const parent = product.type === "variation" ? shop.state.products.get(product.parentId) : undefined;
	if (parent) parent.modifiedAt = product.modifiedAt;
}

/** The figure that buyers see; null: the shop sells any number of it. */
export function figureOf(shop: Shop, product: Product): number | null {
	const parent = product.type === "variation" ? shop.state.products.get(product.parentId) : undefined;
	if (product.status !== "publish" || (product.type === "variation" && parent?.status !== "publish")) return 0;
	const owner = stockOwner(shop.state, product);
	if (owner) return Math.max(0, owner.stock ?? 0);
	return stockStatusOf(shop, product) === "outofstock" ? 0 : null;
}

/** Tells the books when the figure of a row changed. A variable product that does not count itself is shown by its variations. */
export function showFigure(shop: Shop, product: Product, cause: Cause) {
	if (product.type === "variable" && !product.manageStock) return;
	const figure = figureOf(shop, product);
	if (!product.sku || figure === null || shop.world.books.shown(shop.channel, product.sku) === figure) return;
	shop.world.books.showed({ channel: shop.channel, sku: product.sku, quantity: figure, cause });
}

/** Pieces that pending storefront orders hold without `stock_quantity` showing it. */
export function reservedUnits(shop: Shop, ownerId: number, exceptOrder = 0) {
	const now = shop.time.seconds();
	return shop.state.reservations
		.filter((r) => r.ownerId === ownerId && r.until > now && r.orderId !== exceptOrder)
		.reduce((sum, r) => sum + r.units, 0);
}

export function releaseReservations(shop: Shop, orderId: number) {
	shop.state.reservations = shop.state.reservations.filter((r) => r.orderId !== orderId);
}

/** The world's side of a line: how many pieces have left the shop for it. The books hear only the difference. */
export function book(shop: Shop, order: Order, line: Line, units: number) {
	const product = productOfLine(shop.state, line);
	const owner = product ? (stockOwner(shop.state, product) ?? product) : null;
	const sku = owner?.sku || line.booked?.sku;
	if (!sku) return;
	const orderId = String(order.id);
	if (line.booked && line.booked.sku !== sku) {
		if (line.booked.units !== 0) shop.world.books.sold({ channel: shop.channel, orderId, sku: line.booked.sku, units: -line.booked.units });
		line.booked = null;
	}
	const moved = units - (line.booked?.units ?? 0);
	line.booked = { sku, units };
	if (moved !== 0) shop.world.books.sold({ channel: shop.channel, orderId, sku, units: moved });
}

/** Takes the stock of an order that was paid or accepted, line by line; a line that still holds pieces is not taken again. */
export async function takeStock(shop: Shop, order: Order): Promise<string[]> {
	const moves: string[] = [];
	for (const line of order.lines) {
		book(shop, order, line, line.quantity);
		if (order.stockReduced) continue;
		const product = productOfLine(shop.state, line);
		const owner = product ? stockOwner(shop.state, product) : null;
		if (!owner || isSet(metaOf(line.meta, "_reduced_stock"))) continue;
		const before = owner.stock ?? 0;
		moveStock(shop, owner, -line.quantity, line.quantity > 0 ? "sale" : "restock");
		moves.push(`${line.name} (${before}&rarr;${before - line.quantity})`);
		await shop.gap("order.stock");
		setLineMeta(shop.state, line, "_reduced_stock", String(line.quantity));
		await shop.gap("order.line-meta");
	}
	order.stockReduced = true;
	return moves;
}

/** Gives back what the lines hold. A product that is not managed at this moment gets nothing and the line keeps its mark. */
export async function giveBackStock(shop: Shop, order: Order): Promise<string[]> {
	const moves: string[] = [];
	for (const line of order.lines) {
		if (line.booked) book(shop, order, line, 0);
		if (!order.stockReduced) continue;
		const product = productOfLine(shop.state, line);
		const owner = product ? stockOwner(shop.state, product) : null;
		const held = metaOf(line.meta, "_reduced_stock");
		if (!owner || !isSet(held)) continue;
		const before = owner.stock ?? 0;
		moveStock(shop, owner, Number(held), Number(held) > 0 ? "restock" : "sale");
		moves.push(`${line.name} (${before}&rarr;${before + Number(held)})`);
		await shop.gap("order.stock");
		dropLineMeta(line, "_reduced_stock");
		await shop.gap("order.line-meta");
	}
	order.stockReduced = false;
	return moves;
}

/** PHP's truth: "0" and "" count as nothing, so a wholly restocked line ("0") is skipped like one without the mark. */
export const isSet = (value: unknown) => value !== undefined && value !== "" && value !== "0" && value !== 0;
