-- When the order last changed, as the channel lists it: what it comes to is held against the same state of it.
ALTER TABLE totals_staging ADD COLUMN stamp timestamptz;

-- Shipped from the channel's own warehouse: seen, and neither counted nor compared.
ALTER TABLE sales_order ADD COLUMN fulfilled_by_channel boolean NOT NULL DEFAULT false;

-- Of those of the days that are still compared, what they were told as.
UPDATE sales_order o SET fulfilled_by_channel = true
FROM connection c
WHERE c.shop_id = o.shop_id AND c.id = o.connection_id AND NOT c.is_home AND o.created_on_channel_at > now() - interval '8 days'
  AND EXISTS (SELECT FROM inbox_event e WHERE e.shop_id = o.shop_id AND e.event ->> 'orderId' = o.order_id AND e.connection_id = o.connection_id
    AND e.event #>> '{lines,0,fulfilledByChannel}' = 'true');
