import { html } from "../html.ts";
import { QUANTITY_MAX } from "../page.ts";
import { back, badge, hidden, productField, quantityField, time } from "../parts.ts";
import type { AdminOrder, AdminOrderDetail } from "../shop.ts";

/** One order: its lines, and the buttons that Shopify would offer for it. */
export const orderPage = (root: string, order: AdminOrderDetail) => html`
<div class="page-head">${back(`${root}/orders`, "Orders")}<h1>Order ${order.name}</h1></div>
<div data-poll="${root}/orders/${order.id}/parts">${orderParts(root, order)}</div>
${order.cancelled ? null : addProduct(root, order)}`;

const addProduct = (root: string, { id }: AdminOrderDetail) => html`
<section class="card card-form">
	<h2>Add a product</h2>
	<form class="inline" method="post" action="${root}/orders/add">${hidden({ order: id })}${productField}${quantityField}<button class="button">Add to order</button></form>
</section>`;

export const fulfilmentBadge = ({ cancelled, fulfilment }: Pick<AdminOrder, "cancelled" | "fulfilment">) =>
	cancelled ? badge("Cancelled") : badge(fulfilment, fulfilment === "Fulfilled" ? "plain" : "attention");

/** What changes while somebody looks, and by what is pressed. */
export function orderParts(root: string, order: AdminOrderDetail) {
	const act = (path: string, fields: Record<string, string>, label: string) =>
		html`<form method="post" action="${root}/orders/${path}">${hidden({ order: order.id, ...fields })}<button class="button">${label}</button></form>`;
	const open = !order.cancelled && order.lines.some(({ unfulfilled }) => unfulfilled > 0);
	return html`
<p class="badges">${badge(order.financial)} ${fulfilmentBadge(order)} <span class="subdued">${order.source}, ${time(order.at)}, ${order.locations.join(" and ")}</span></p>
<section class="card"><div class="scroll"><table>
	<thead><tr><th>Product</th><th class="end">Ordered now</th><th class="end">To fulfill</th><th>${order.cancelled ? "" : "Edit"}</th><th>${order.cancelled ? "" : "Refund"}</th></tr></thead>
	<tbody>${order.lines.map(
		(
			line,
		) => html`<tr><td><span class="strong">${line.title}</span><small class="reference">${line.sku}${line.bundle ? ` · part of ${line.bundle}` : ""}${line.removed > 0 ? ` · ${line.removed} taken off` : ""}</small></td>
		<td class="end">${line.quantity}</td><td class="end">${line.unfulfilled}</td>
		<td>${order.cancelled ? null : setLine(root, order.id, line)}</td><td>${order.cancelled || line.quantity === 0 ? null : refundLine(root, order.id, line)}</td></tr>`,
	)}</tbody>
</table></div></section>
${open ? html`<section class="card card-form"><h2>This order</h2><div class="actions">${act("fulfil", {}, "Fulfill items")}${act("cancel", { restock: "yes" }, "Cancel and restock")}${act("cancel", { restock: "no" }, "Cancel without restock")}</div></section>` : null}
${
	order.refunds.length === 0
		? null
		: html`<section class="card"><h2 class="card-title">Refunds and removals</h2><div class="scroll"><table><tbody>${order.refunds.flatMap(
				({ at, lines }) =>
					lines.map(
						({ title, quantity, restocked }) =>
							html`<tr><td class="subdued">${time(at)}</td><td>${quantity} × ${title}</td><td>${badge(restocked ? "Restocked" : "Not restocked")}</td></tr>`,
					),
			)}</tbody></table></div></section>`
}`;
}

type Line = AdminOrderDetail["lines"][number];

const setLine = (root: string, order: string, { id, sku, quantity }: Line) => html`
<form class="row-form" method="post" action="${root}/orders/line">${hidden({ order, line: id })}
<input type="number" name="quantity" value="${quantity}" min="0" max="${QUANTITY_MAX}" aria-label="Quantity of ${sku}" required><button class="button">Save</button></form>`;

const refundLine = (root: string, order: string, { id, sku, quantity }: Line) => html`
<form class="row-form" method="post" action="${root}/orders/refund">${hidden({ order, line: id })}
<input type="number" name="quantity" value="1" min="1" max="${quantity}" aria-label="Refund of ${sku}" required>
<select name="restock" aria-label="Restock ${sku}"><option value="yes">and restock</option><option value="no">no restock</option></select><button class="button">Refund</button></form>`;
