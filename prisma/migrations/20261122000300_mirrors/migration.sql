-- Orders that another app copies from a channel into Shopify (R43).
-- connection.mirror: does somebody copy this channel's orders into home, and does the copy lower home's stock? The merchant says.
ALTER TABLE connection
  ADD COLUMN mirror text NOT NULL DEFAULT 'none' CHECK (mirror IN ('none', 'takes-stock', 'leaves-stock')),
  -- Names that home gives the orders of that app (Shopify: source_name).
  ADD COLUMN mirror_sources text[] NOT NULL DEFAULT '{}';
-- Of a home order: who made it, and the number by which its maker knows it (Shopify: source_name, source_identifier).
ALTER TABLE sales_order ADD COLUMN source_name text, ADD COLUMN source_identifier text;
CREATE INDEX sales_order_mirrors ON sales_order (shop_id, source_identifier) WHERE source_identifier IS NOT NULL;
-- Of the units held: those that the copy's own effect on home's figure has taken already.
ALTER TABLE order_line ADD COLUMN mirrored integer NOT NULL DEFAULT 0 CHECK (mirrored >= 0);
