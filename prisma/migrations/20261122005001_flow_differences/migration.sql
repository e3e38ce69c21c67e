-- How many of a channel's listings something else has changed within the hour: asked every half minute where a workflow waits for it.
CREATE INDEX difference_recent ON difference (shop_id, connection_id, at);
