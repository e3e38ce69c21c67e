-- Of a poll that was broken off: what it was to read from, and up to which change it came (app/reconcile/order-poll.ts). Channel's clock.
ALTER TABLE connection
  ADD COLUMN poll_since timestamptz,
  ADD COLUMN poll_reached timestamptz,
  ADD CHECK ((poll_since IS NULL) = (poll_reached IS NULL));
