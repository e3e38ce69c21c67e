-- The messages of one order, for its page and for counting them again.
CREATE INDEX inbox_event_order ON inbox_event (shop_id, (event ->> 'orderId')) WHERE (event ->> 'orderId') IS NOT NULL;
