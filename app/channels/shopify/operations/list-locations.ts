/** All of them: closed ones and those of fulfilment services too, so that a reading's location is always known. */
export const LIST_LOCATIONS = `query LockstepLocations($after: String) {
  locations(first: 100, after: $after, includeInactive: true, includeLegacy: true) {
    pageInfo { hasNextPage endCursor }
    nodes { id name isActive fulfillsOnlineOrders isFulfillmentService }
  }
}`;
