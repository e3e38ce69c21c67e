-- What an order comes to, as its channel says. NULL: the channel does not tell, or it came before this was asked.
ALTER TABLE sales_order ADD COLUMN total numeric(21, 6), ADD COLUMN currency text, ADD CHECK (total IS NULL OR currency IS NOT NULL);
CREATE INDEX sales_order_placed ON sales_order (shop_id, connection_id, created_on_channel_at);

-- One comparison of a channel's orders of a week with ours: counts, units and sums, each as the channel and as we have it.
CREATE TABLE totals_check (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  -- Orders placed in [from_at, to_at), by the channel's clock.
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
  error text,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  orders_there integer,
  orders_here integer,
  units_there bigint,
  units_here bigint,
  -- By currency: [{currency, there, here}]; empty where the channel tells no totals.
  revenue jsonb NOT NULL DEFAULT '[]',
  stock_there bigint,
  stock_here bigint,
  -- The largest of the differences, as a part of the larger figure.
  drift double precision,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, connection_id, to_at),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id) ON DELETE CASCADE
);
CREATE INDEX totals_check_recent ON totals_check (shop_id, connection_id, to_at DESC) WHERE state = 'done';

-- The orders that make the difference, some of them.
CREATE TABLE totals_difference (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  check_id bigint NOT NULL,
  order_id text NOT NULL,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('missing-here', 'missing-there', 'units', 'total')),
  there numeric(21, 6),
  here numeric(21, 6),
  PRIMARY KEY (shop_id, check_id, order_id, kind),
  FOREIGN KEY (shop_id, check_id) REFERENCES totals_check (shop_id, id) ON DELETE CASCADE
);

-- The channel's list while it is read: rows of a check that never ended go with it. Lost in a crash, the check begins anew.
CREATE UNLOGGED TABLE totals_staging (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  check_id bigint NOT NULL,
  order_id text NOT NULL,
  name text NOT NULL,
  -- Lines that the merchant ships: [{line_id, units, sold}], `sold` as the channel names it.
  lines jsonb NOT NULL,
  total numeric(21, 6),
  currency text,
  PRIMARY KEY (shop_id, check_id, order_id),
  FOREIGN KEY (shop_id, check_id) REFERENCES totals_check (shop_id, id) ON DELETE CASCADE
);

ALTER TABLE connection ADD COLUMN totals_at timestamptz;
