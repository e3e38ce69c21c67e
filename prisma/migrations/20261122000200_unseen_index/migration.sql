-- The sweep asks every second for listings with units that no order has paid for; there are few at any time.
CREATE INDEX listing_unseen ON listing (shop_id, connection_id, unseen_at) WHERE unseen > 0;
