/** Nothing of the customer: no name, address, e-mail or phone is selected anywhere. */
const ORDER_FIELDS = `id name createdAt updatedAt cancelledAt sourceName sourceIdentifier retailLocation { id } currentTotalPriceSet { shopMoney { amount currencyCode } }`;
const LINE_FIELDS = `id sku quantity currentQuantity variant { id }`;

/** 15 orders at about 46 points each stay under the 1,000 points that one query may ask for. */
export const ORDERS_PER_PAGE = 15;
const LINES_IN_LIST = 20;
/** Of one order or refund: a page costs about twice as many points as it has lines, asked for whether they are there or not. */
export const LINES_PER_PAGE = 40;

/**
 * Orders by the time of their last change. Refunds are not asked for: an order in which something is refunded or removed
 * (currentQuantity below quantity), or that has more lines than fit, is read by itself.
 */
export const LIST_ORDERS = `query LockstepOrders($query: String!, $after: String) {
  orders(first: ${ORDERS_PER_PAGE}, after: $after, sortKey: UPDATED_AT, query: $query) {
    pageInfo { hasNextPage endCursor }
    nodes { ${ORDER_FIELDS} lineItems(first: ${LINES_IN_LIST}) { pageInfo { hasNextPage endCursor } nodes { ${LINE_FIELDS} } } }
  }
}`;

export const READ_ORDER = `query LockstepOrder($id: ID!, $after: String) {
  order(id: $id) {
    ${ORDER_FIELDS}
    refunds { id }
    lineItems(first: ${LINES_PER_PAGE}, after: $after) { pageInfo { hasNextPage endCursor } nodes { ${LINE_FIELDS} } }
  }
}`;

/** The order's own stamp comes along: a refund made between two pages shows as a stamp that moved. */
export const READ_REFUND = `query LockstepRefund($id: ID!, $after: String) {
  node(id: $id) {
    ... on Refund {
      id
      order { id updatedAt }
      refundLineItems(first: ${LINES_PER_PAGE}, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { quantity restockType lineItem { id } }
      }
    }
  }
}`;
