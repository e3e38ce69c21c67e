-- How often a connection's orders are read, by the merchant. NULL: as the operator has set it (ORDER_POLL_SECONDS).
ALTER TABLE connection ADD COLUMN poll_minutes integer CHECK (poll_minutes BETWEEN 5 AND 60);
-- States that a poll brought and that were news: few, and counted by day.
CREATE INDEX inbox_event_polled ON inbox_event (shop_id, connection_id, received_at) WHERE source = 'poll' AND status = 'processed';
