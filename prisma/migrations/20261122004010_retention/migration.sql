-- By age, for the hourly upkeep (app/inbox/keep-house.ts), which would otherwise read the whole tables to find what is old.
CREATE INDEX lag_sample_age ON lag_sample (at);
CREATE INDEX order_poll_age ON order_poll (at);
CREATE INDEX difference_age ON difference (at);
CREATE INDEX inbox_event_default_age ON inbox_event_default (received_at);
-- Which letter speaks of an event.
CREATE INDEX dead_letter_event ON dead_letter (shop_id, event_id) WHERE state = 'open' AND event_id IS NOT NULL;
