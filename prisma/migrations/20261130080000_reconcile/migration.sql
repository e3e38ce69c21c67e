-- All stock of a connection compared at once (app/reconcile, docs/decisions/019).

CREATE TABLE reconcile_run (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  -- The session token's `sub`, or 'timer'.
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- asked: nothing of it is read. preparing: home writes its export. reading: into reconcile_row. acting: it was compared, and what
  -- differs is being asked for.
  state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'preparing', 'reading', 'acting', 'done', 'failed')),
  -- Counts the readings: rows of an earlier one are never looked at.
  attempt integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  -- Our clock: when the present reading began.
  began_at timestamptz,
  -- Home's export; started_at by home's clock, asked_at by ours.
  export_id text,
  export_started_at timestamptz,
  export_asked_at timestamptz,
  -- About so many rows are to be read.
  expected integer NOT NULL DEFAULT 0,
  read integer NOT NULL DEFAULT 0,
  compared integer NOT NULL DEFAULT 0,
  explained integer NOT NULL DEFAULT 0,
  -- Within what the merchant tolerates.
  tolerated integer NOT NULL DEFAULT 0,
  found integer NOT NULL DEFAULT 0,
  mended integer NOT NULL DEFAULT 0,
  -- Listings, or products, that the other side had and we did not know.
  added integer NOT NULL DEFAULT 0,
  -- A sentence for the merchant: why it waits, or why it failed.
  sentence text,
  next_at timestamptz NOT NULL DEFAULT now(),
  lease_token text,
  lease_until timestamptz,
  ended_at timestamptz,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id) ON DELETE CASCADE
);
-- One at a time, whoever asks.
CREATE UNIQUE INDEX reconcile_run_open ON reconcile_run (shop_id, connection_id) WHERE ended_at IS NULL;
CREATE INDEX reconcile_run_due ON reconcile_run (next_at) WHERE ended_at IS NULL;
CREATE INDEX reconcile_run_recent ON reconcile_run (shop_id, connection_id, id DESC);
CREATE INDEX reconcile_run_age ON reconcile_run (ended_at) WHERE ended_at IS NOT NULL;

-- What the other side says, for as long as it is being compared. UNLOGGED: a database that crashes has lost them, and the run begins
-- anew (the run's own counter says how many there must be). No foreign key: a million checks would take longer than the reading.
CREATE UNLOGGED TABLE reconcile_row (
  shop_id bigint NOT NULL,
  run_id bigint NOT NULL,
  attempt integer NOT NULL,
  n integer NOT NULL,
  -- l: a guest's listing. i: home's item. s: home's figure of an item at a place.
  kind "char" NOT NULL,
  -- Whole seconds from the run's beginning to the moment at which this was asked for.
  asked_s integer NOT NULL,
  external_id text NOT NULL,
  -- Of a listing: whose pieces it sells. Of a figure: the location.
  place text,
  parent text,
  sku text,
  barcode text,
  title text,
  quantity integer,
  -- Home's clock.
  at timestamptz,
  -- Of an item: 1 tracked, 2 sells when out, 4 home's own bundle.
  flags smallint,
  PRIMARY KEY (shop_id, run_id, attempt, n)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000, autovacuum_vacuum_insert_threshold = -1);

-- What differed, why, and how it ended. One open row per thing: a later run that finds it again takes it over.
CREATE TABLE reconcile_difference (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  -- The newest run that found it.
  run_id bigint NOT NULL,
  -- level: home's figure of an item at a place. item: one that only one side knows.
  kind text NOT NULL CHECK (kind IN ('listing', 'level', 'item')),
  subject text NOT NULL,
  listing_id bigint,
  item_id bigint,
  location_id bigint,
  external_id text NOT NULL,
  place_external_id text,
  sku text,
  title text NOT NULL DEFAULT '',
  -- NULL: it is not there, or has no figure.
  expected integer,
  found integer,
  -- Home's clock: since when it has shown that.
  read_at timestamptz,
  cause text NOT NULL CHECK (cause IN ('late', 'rejected', 'another-writer', 'unmapped', 'clamped', 'unknown')),
  -- waiting: it is being looked into, or its orders may still come. open: it does not end by itself.
  state text NOT NULL CHECK (state IN ('waiting', 'open', 'mended', 'explained')),
  -- How many runs have found it.
  times integer NOT NULL DEFAULT 1,
  found_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When it was asked for singly, and the newest reading then: a later one is told from it.
  acted_at timestamptz,
  marked_read_at timestamptz,
  -- Written, and looked at once more: a figure that is back by then is the channel's own doing.
  looked_again_at timestamptz,
  next_look_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  mended_figure integer,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, run_id) REFERENCES reconcile_run (shop_id, id) ON DELETE CASCADE,
  CHECK ((settled_at IS NOT NULL) = (state IN ('mended', 'explained')))
);
CREATE UNIQUE INDEX reconcile_difference_present ON reconcile_difference (shop_id, connection_id, subject) WHERE settled_at IS NULL;
CREATE INDEX reconcile_difference_run ON reconcile_difference (shop_id, run_id, id DESC);
CREATE INDEX reconcile_difference_to_do ON reconcile_difference (shop_id, run_id, id) WHERE acted_at IS NULL;
CREATE INDEX reconcile_difference_look ON reconcile_difference (next_look_at) WHERE settled_at IS NULL;
CREATE INDEX reconcile_difference_recent ON reconcile_difference (shop_id, found_at DESC);

-- A shop's erasure names the rows that are being compared, which no key leads to.
CREATE OR REPLACE FUNCTION erase_shop(target bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM set_config('lockstep.erasing_shop', target::text, true);
  DELETE FROM audit WHERE shop_id = target;
  DELETE FROM difference WHERE shop_id = target;
  DELETE FROM reconcile_row WHERE shop_id = target;
  DELETE FROM reconcile_difference WHERE shop_id = target;
  DELETE FROM reconcile_run WHERE shop_id = target;
  DELETE FROM order_poll WHERE shop_id = target;
  DELETE FROM lag_sample WHERE shop_id = target;
  DELETE FROM rate_budget WHERE shop_id = target;
  -- Its own column has the name of what is asked for.
  DELETE FROM replay_line WHERE shop_id = erase_shop.target;
  DELETE FROM replay_run WHERE shop_id = target;
  DELETE FROM dead_letter WHERE shop_id = target;
  DELETE FROM problem_change WHERE shop_id = target;
  DELETE FROM problem WHERE shop_id = target;
  DELETE FROM delivery_attempt WHERE shop_id = target;
  DELETE FROM fetch_request WHERE shop_id = target;
  DELETE FROM inbox_event WHERE shop_id = target;
  DELETE FROM delivery_key WHERE shop_id = target;
  DELETE FROM oversell WHERE shop_id = target;
  DELETE FROM order_line_allocation WHERE shop_id = target;
  DELETE FROM order_line WHERE shop_id = target;
  DELETE FROM sales_order WHERE shop_id = target;
  DELETE FROM listing WHERE shop_id = target;
  DELETE FROM movement WHERE shop_id = target;
  DELETE FROM delta_line WHERE shop_id = target;
  DELETE FROM delta_batch WHERE shop_id = target;
  DELETE FROM prediction WHERE shop_id = target;
  DELETE FROM stock WHERE shop_id = target;
  DELETE FROM bundle_component WHERE shop_id = target;
  DELETE FROM item WHERE shop_id = target;
  DELETE FROM connection_location WHERE shop_id = target;
  DELETE FROM location WHERE shop_id = target;
  DELETE FROM connect_request WHERE shop_id = target;
  DELETE FROM session WHERE shop_domain = (SELECT domain FROM shop WHERE id = target);
  DELETE FROM connection WHERE shop_id = target;
  DELETE FROM shop_lane WHERE shop_id = target;
  DELETE FROM shop WHERE id = target;
  PERFORM set_config('lockstep.erasing_shop', '', true);
END $$;
