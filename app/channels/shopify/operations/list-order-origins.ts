/** Scalars cost nothing: 200 orders with the app of each stay well under the 1,000 points that one query may ask for. */
export const ORIGINS_PER_PAGE = 200;

/**
 * Who wrote the orders of the last weeks, newest first. Notes and custom attributes would tell more of some, and are not asked
 * for: buyers write in them.
 */
export const LIST_ORDER_ORIGINS = `query LockstepOrderOrigins($query: String!, $after: String) {
  orders(first: ${ORIGINS_PER_PAGE}, after: $after, sortKey: CREATED_AT, reverse: true, query: $query) {
    pageInfo { hasNextPage endCursor }
    nodes { name sourceName sourceIdentifier tags app { name } }
  }
}`;
