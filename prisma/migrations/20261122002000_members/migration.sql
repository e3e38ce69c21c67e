-- Who of a shop's staff may do what. Shopify lets a person open the app; what they may change in it is decided here.
CREATE TABLE member (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  -- The session token's `sub`.
  user_id text NOT NULL,
  granted text NOT NULL CHECK (granted IN ('look', 'operate', 'approve')),
  -- What the merchant calls this person; Shopify's session token has no name.
  name text CHECK (char_length(name) BETWEEN 1 AND 80),
  -- The newest installation in which this person opened the app: the first one of each may approve.
  installation integer NOT NULL,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, user_id)
);

-- A list's filters under a name of the shop's own; everybody of the shop sees them.
CREATE TABLE saved_view (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  page text NOT NULL,
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 40),
  -- The filters as they stand in the page's address.
  query text NOT NULL CHECK (char_length(query) <= 2000),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, page, name)
);

-- Pages of the stock list follow this order.
CREATE INDEX item_stock_page ON item (shop_id, coalesce(sku, ''), id) WHERE deleted_at IS NULL;
-- What of a product needs somebody: few rows of many.
CREATE INDEX listing_paused ON listing (shop_id, item_id) WHERE paused;
CREATE INDEX listing_parked ON listing (shop_id, item_id) WHERE parked;
CREATE INDEX stock_short ON stock (shop_id, item_id) WHERE short > 0;
-- Orders by the number that the marketplace shows (by the one it uses inside they are found by their key).
CREATE INDEX sales_order_name ON sales_order (shop_id, name);
-- What an order did.
CREATE INDEX movement_order ON movement (shop_id, connection_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX oversell_order ON oversell (shop_id, connection_id, order_id) WHERE order_id <> '';
CREATE INDEX audit_action ON audit (shop_id, action, id DESC);
CREATE INDEX difference_listing ON difference (shop_id, listing_id, id DESC);
