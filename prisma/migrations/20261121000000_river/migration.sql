-- The river's tables. Written by hand: composite keys that start with shop_id (a row cannot point into another shop),
-- CHECKs behind every condition the code relies on, partial indexes for what is waiting, and an append-only ledger.

CREATE TABLE shop (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  domain text NOT NULL UNIQUE,
  state text NOT NULL DEFAULT 'installed' CHECK (state IN ('installed', 'uninstalled')),
  -- Counts installations: a message that speaks of an earlier one never acts on the present one.
  installation integer NOT NULL DEFAULT 1,
  installed_at timestamptz NOT NULL DEFAULT now(),
  uninstalled_at timestamptz,
  import_state text NOT NULL DEFAULT 'pending' CHECK (import_state IN ('pending', 'running', 'done', 'failed')),
  import_started_at timestamptz,
  import_finished_at timestamptz,
  import_total integer NOT NULL DEFAULT 0,
  import_done integer NOT NULL DEFAULT 0,
  import_error text,
  -- Where the present import stands (bulk operation id, phase), so that a killed import resumes.
  import_progress jsonb NOT NULL DEFAULT '{}',
  settings jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);

-- The row that a drain locks before it reads anything: one drain per shop at a time, whatever wakes it.
CREATE TABLE shop_lane (
  shop_id bigint PRIMARY KEY REFERENCES shop (id) ON DELETE CASCADE,
  drained_at timestamptz
);

-- Shopify sessions. The tokens are sealed; `lease_*` serialises their refresh over processes.
CREATE TABLE session (
  id text PRIMARY KEY,
  shop_domain text NOT NULL,
  is_online boolean NOT NULL,
  sealed text NOT NULL,
  scope text,
  expires_at timestamptz,
  refresh_expires_at timestamptz,
  lease_token text,
  lease_until timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX session_shop ON session (shop_domain);

CREATE TABLE connection (
  shop_id bigint NOT NULL REFERENCES shop (id),
  id bigint GENERATED ALWAYS AS IDENTITY,
  channel text NOT NULL,
  -- The external account (shop domain, store host): live in one shop only.
  account text NOT NULL,
  name text NOT NULL,
  is_home boolean NOT NULL DEFAULT false,
  state text NOT NULL DEFAULT 'connecting' CHECK (state IN ('connecting', 'watching', 'live', 'paused', 'disconnected')),
  credentials text,
  settings jsonb NOT NULL DEFAULT '{}',
  policy jsonb NOT NULL DEFAULT '{"kind":"exact"}',
  -- On the channel's own clock: orders created before it are baseline.
  cut_at timestamptz,
  -- Every order that changed before this moment (channel's clock) has been read and put into the inbox.
  order_watermark timestamptz,
  health text NOT NULL DEFAULT 'green' CHECK (health IN ('green', 'degraded', 'red')),
  health_reason text,
  health_since timestamptz NOT NULL DEFAULT now(),
  -- Unguessable part of the address that the channel's webhooks are sent to.
  webhook_token text NOT NULL UNIQUE,
  breaker_failures integer NOT NULL DEFAULT 0,
  breaker_until timestamptz,
  polled_at timestamptz,
  webhooks_checked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, id),
  UNIQUE (id)
);
CREATE UNIQUE INDEX connection_account_live ON connection (channel, account) WHERE state <> 'disconnected';
CREATE UNIQUE INDEX connection_one_home ON connection (shop_id) WHERE is_home AND state <> 'disconnected';

-- One-click authorisation that is under way: single use, bound to shop and user.
CREATE TABLE connect_request (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  nonce text NOT NULL,
  user_id text NOT NULL,
  channel text NOT NULL,
  account text NOT NULL,
  state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'granted', 'used')),
  sealed text,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, nonce),
  UNIQUE (nonce)
);

CREATE TABLE location (
  shop_id bigint NOT NULL REFERENCES shop (id),
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id text NOT NULL,
  name text NOT NULL,
  active boolean NOT NULL DEFAULT true,
  fulfills_online boolean NOT NULL DEFAULT true,
  fulfillment_service boolean NOT NULL DEFAULT false,
  priority integer NOT NULL DEFAULT 0,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, external_id)
);

-- Which locations feed a channel. No row for a connection: all active ones that fulfil online orders.
CREATE TABLE connection_location (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  location_id bigint NOT NULL,
  PRIMARY KEY (shop_id, connection_id, location_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id),
  FOREIGN KEY (shop_id, location_id) REFERENCES location (shop_id, id)
);

CREATE TABLE item (
  shop_id bigint NOT NULL REFERENCES shop (id),
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id text NOT NULL,
  variant_id text,
  product_id text,
  sku text,
  barcode text,
  title text NOT NULL DEFAULT '',
  tracked boolean NOT NULL DEFAULT true,
  sells_when_out boolean NOT NULL DEFAULT false,
  -- Home derives its stock from components and refuses writes to it.
  is_home_bundle boolean NOT NULL DEFAULT false,
  stamp timestamptz,
  deleted_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, external_id)
);
CREATE INDEX item_sku ON item (shop_id, sku);
CREATE INDEX item_variant ON item (shop_id, variant_id);
CREATE INDEX item_product ON item (shop_id, product_id);

CREATE TABLE bundle_component (
  shop_id bigint NOT NULL,
  bundle_item_id bigint NOT NULL,
  component_item_id bigint NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  PRIMARY KEY (shop_id, bundle_item_id, component_item_id),
  CHECK (bundle_item_id <> component_item_id),
  FOREIGN KEY (shop_id, bundle_item_id) REFERENCES item (shop_id, id),
  FOREIGN KEY (shop_id, component_item_id) REFERENCES item (shop_id, id)
);
CREATE INDEX bundle_component_of ON bundle_component (shop_id, component_item_id);

-- available − short = home's newest reading + our deltas that it does not contain − home sales that it does not contain.
CREATE TABLE stock (
  shop_id bigint NOT NULL,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  available integer NOT NULL DEFAULT 0 CHECK (available >= 0),
  short integer NOT NULL DEFAULT 0 CHECK (short >= 0),
  home_quantity integer,
  home_read_at timestamptz,
  -- What the newest reading changed that nothing we knew of explains; an order that arrives later may claim it.
  home_unexplained integer NOT NULL DEFAULT 0,
  -- Units that home must still be told of and that no batch carries yet (negative: home must go down).
  delta_owed integer NOT NULL DEFAULT 0,
  owed_since timestamptz,
  next_attempt_at timestamptz,
  -- Movements up to here have reached home; what lag is measured from.
  landed_movement_id bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, item_id, location_id),
  CHECK (available = 0 OR short = 0),
  FOREIGN KEY (shop_id, item_id) REFERENCES item (shop_id, id),
  FOREIGN KEY (shop_id, location_id) REFERENCES location (shop_id, id)
) WITH (fillfactor = 70);
CREATE INDEX stock_owed ON stock (shop_id, owed_since) WHERE delta_owed <> 0;

-- A home order lowers stock at once; the first reading that contains it absorbs the row.
CREATE TABLE prediction (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  order_id text NOT NULL,
  line_id text NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  -- Home's clock: when the order changed. Our clock: when we heard of it.
  stamp timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, item_id, location_id) REFERENCES stock (shop_id, item_id, location_id)
);
CREATE INDEX prediction_stock ON prediction (shop_id, item_id);
CREATE INDEX prediction_age ON prediction (received_at);

-- Writes to a home that takes deltas: immutable once tried, so that the same key always carries the same variables.
CREATE TABLE delta_batch (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  idempotency_key text NOT NULL UNIQUE,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'landed', 'void', 'unresolved')),
  first_tried_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claim_token text,
  claimed_until timestamptz,
  landed_at timestamptz,
  answered_at timestamptz,
  last_error text,
  correlation_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id)
);
CREATE INDEX delta_batch_open ON delta_batch (shop_id, next_attempt_at) WHERE state = 'open';

CREATE TABLE delta_line (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  batch_id bigint NOT NULL,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  delta integer NOT NULL CHECK (delta <> 0),
  -- open: sent or about to be; landed: home said so; contained: a reading holds it; void: home refused, given back to owed.
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'landed', 'contained', 'void')),
  landed_at timestamptz,
  answered_at timestamptz,
  through_movement_id bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (shop_id, id),
  FOREIGN KEY (shop_id, batch_id) REFERENCES delta_batch (shop_id, id),
  FOREIGN KEY (shop_id, item_id, location_id) REFERENCES stock (shop_id, item_id, location_id)
);
-- One outstanding write per (item, location).
CREATE UNIQUE INDEX delta_line_outstanding ON delta_line (shop_id, item_id, location_id) WHERE state = 'open';
CREATE INDEX delta_line_uncontained ON delta_line (shop_id, item_id) WHERE state IN ('open', 'landed');
CREATE INDEX delta_line_landed ON delta_line (answered_at) WHERE state = 'landed';
CREATE INDEX delta_line_batch ON delta_line (shop_id, batch_id);

CREATE TABLE movement (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  delta integer NOT NULL,
  -- available − short after this movement.
  after integer NOT NULL,
  cause text NOT NULL,
  connection_id bigint,
  order_id text,
  line_id text,
  event_id bigint,
  correlation_id text NOT NULL,
  source_key text NOT NULL,
  occurred_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, source_key),
  FOREIGN KEY (shop_id, item_id, location_id) REFERENCES stock (shop_id, item_id, location_id)
);
CREATE INDEX movement_item ON movement (shop_id, item_id, id);
CREATE INDEX movement_recent ON movement (shop_id, created_at DESC);

CREATE TABLE sales_order (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  order_id text NOT NULL,
  name text NOT NULL DEFAULT '',
  created_on_channel_at timestamptz NOT NULL,
  stamp timestamptz NOT NULL,
  content_hash text NOT NULL,
  -- Our clock: the applied snapshot was true at this moment at the earliest (fetch answered, webhook received).
  as_of timestamptz NOT NULL,
  baseline boolean NOT NULL DEFAULT false,
  -- Older than the cut and never seen before: taken as baseline and listed for the merchant.
  unknown_older boolean NOT NULL DEFAULT false,
  cancelled boolean NOT NULL DEFAULT false,
  -- How it first came to us ('webhook', 'poll', …): what counts the webhooks that never came.
  first_source text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, connection_id, order_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id)
) WITH (fillfactor = 80);
CREATE INDEX sales_order_recent ON sales_order (shop_id, created_at DESC);

CREATE TABLE listing (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id text NOT NULL,
  parent_external_id text,
  sku text,
  barcode text,
  title text NOT NULL DEFAULT '',
  item_id bigint,
  link_state text NOT NULL DEFAULT 'unlinked' CHECK (link_state IN ('linked', 'unlinked', 'ignored')),
  CHECK ((link_state = 'linked') = (item_id IS NOT NULL)),
  -- Overrides the connection's policy when set.
  policy jsonb,
  paused boolean NOT NULL DEFAULT false,
  paused_reason text,
  desired integer CHECK (desired >= 0),
  desired_movement_id bigint NOT NULL DEFAULT 0,
  landed_movement_id bigint NOT NULL DEFAULT 0,
  shown integer,
  unseen integer NOT NULL DEFAULT 0 CHECK (unseen >= 0),
  -- Both on the channel's clock: the read that the last write was computed from, and that write.
  read_at timestamptz,
  written_at timestamptz,
  -- The figure before the first write ever, for restoring on disconnect.
  original_quantity integer,
  -- Counts what orders of this channel changed here; a write whose count moved while it was under way is looked at again.
  own_changes bigint NOT NULL DEFAULT 0,
  recheck boolean NOT NULL DEFAULT false,
  -- A figure that the channel told of by itself and that differs from `shown`: looked at once the orders had time to come.
  seen integer,
  -- An earlier write may still land: increases wait, decreases go out and are asserted again after this.
  uncertain_until timestamptz,
  parked boolean NOT NULL DEFAULT false,
  dirty_since timestamptz,
  next_attempt_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  attempts_class text,
  claim_token text,
  claimed_until timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, connection_id, external_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id),
  FOREIGN KEY (shop_id, item_id) REFERENCES item (shop_id, id)
) WITH (fillfactor = 70);
CREATE INDEX listing_item ON listing (shop_id, item_id);
CREATE INDEX listing_dirty ON listing (shop_id, connection_id, next_attempt_at) WHERE dirty_since IS NOT NULL AND NOT parked;

CREATE TABLE order_line (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  order_id text NOT NULL,
  line_id text NOT NULL,
  external_ref text,
  item_id bigint,
  -- Units that this line keeps from being sold, as counted into stock so far (WooCommerce's can be negative).
  held integer NOT NULL,
  -- Units of it that were there before the connection began and never moved our stock.
  baseline integer NOT NULL DEFAULT 0,
  PRIMARY KEY (shop_id, connection_id, order_id, line_id),
  FOREIGN KEY (shop_id, connection_id, order_id) REFERENCES sales_order (shop_id, connection_id, order_id),
  FOREIGN KEY (shop_id, item_id) REFERENCES item (shop_id, id)
) WITH (fillfactor = 80);

CREATE TABLE order_line_allocation (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  order_id text NOT NULL,
  line_id text NOT NULL,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  quantity integer NOT NULL,
  short integer NOT NULL DEFAULT 0 CHECK (short >= 0),
  PRIMARY KEY (shop_id, connection_id, order_id, line_id, item_id, location_id),
  FOREIGN KEY (shop_id, connection_id, order_id, line_id) REFERENCES order_line (shop_id, connection_id, order_id, line_id),
  FOREIGN KEY (shop_id, item_id, location_id) REFERENCES stock (shop_id, item_id, location_id)
) WITH (fillfactor = 80);

CREATE TABLE oversell (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  -- Home's shortages are learnt from readings and may have no order yet: ''.
  order_id text NOT NULL DEFAULT '',
  line_id text NOT NULL DEFAULT '',
  units integer NOT NULL CHECK (units > 0),
  covered integer NOT NULL DEFAULT 0,
  CHECK (covered >= 0 AND covered <= units),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'covered', 'dismissed')),
  source_key text NOT NULL,
  occurred_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  resolved_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, source_key),
  FOREIGN KEY (shop_id, item_id, location_id) REFERENCES stock (shop_id, item_id, location_id)
);
CREATE INDEX oversell_open ON oversell (shop_id, item_id, id) WHERE state = 'open';
CREATE INDEX oversell_recent ON oversell (shop_id, created_at DESC);

-- Deliveries seen, kept 90 days, unpartitioned so that it is unique over all of them.
CREATE TABLE delivery_key (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  key text NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (shop_id, connection_id, key)
);
CREATE INDEX delivery_key_age ON delivery_key (received_at);

CREATE TABLE inbox_event (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  connection_id bigint NOT NULL,
  -- 'stock' is drained by apply, 'lifecycle' by connections (uninstall, redact, data requests, scopes).
  lane text NOT NULL DEFAULT 'stock' CHECK (lane IN ('stock', 'lifecycle')),
  topic text NOT NULL,
  source text NOT NULL CHECK (source IN ('webhook', 'fetch', 'poll', 'import', 'replay', 'app')),
  -- What the sender sent, reduced to the allow-listed fields (no personal data); null for our own events.
  payload jsonb,
  -- The canonical event (app/domain/event.ts); null when the payload could not be understood.
  event jsonb,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processed', 'ignored', 'parked')),
  outcome text,
  attempts integer NOT NULL DEFAULT 0,
  error text,
  delivery_key text,
  correlation_id text NOT NULL,
  occurred_at timestamptz,
  processed_at timestamptz,
  PRIMARY KEY (shop_id, id, received_at)
) PARTITION BY RANGE (received_at);
CREATE TABLE inbox_event_default PARTITION OF inbox_event DEFAULT;
CREATE INDEX inbox_event_pending ON inbox_event (shop_id, lane, id) WHERE status = 'pending';
CREATE INDEX inbox_event_recent ON inbox_event (shop_id, received_at DESC);

-- What must be fetched: one row per thing, so that a thousand hints of one order are one request at a time.
CREATE TABLE fetch_request (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('order', 'levels', 'product', 'location', 'listing')),
  external_id text NOT NULL,
  -- Asked for `seq` times, answered up to `done_seq`; a hint that comes during a fetch causes one more.
  seq bigint NOT NULL DEFAULT 1,
  done_seq bigint NOT NULL DEFAULT 0,
  -- The soonest and the latest moment at which it is wanted: an early answer does not serve a wish for later.
  due_at timestamptz NOT NULL DEFAULT now(),
  again_at timestamptz NOT NULL DEFAULT now(),
  reason text NOT NULL DEFAULT '',
  attempts integer NOT NULL DEFAULT 0,
  lease_token text,
  lease_until timestamptz,
  last_error text,
  correlation_id text NOT NULL DEFAULT '',
  PRIMARY KEY (shop_id, connection_id, kind, external_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id)
);
CREATE INDEX fetch_request_due ON fetch_request (shop_id, connection_id, due_at) WHERE seq > done_seq;

CREATE TABLE delivery_attempt (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  listing_id bigint,
  delta_batch_id bigint,
  operation text NOT NULL,
  quantity integer,
  outcome text NOT NULL,
  error_class text,
  error text,
  http_status integer,
  request_id text,
  took_ms integer,
  correlation_id text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id)
);
CREATE INDEX delivery_attempt_listing ON delivery_attempt (shop_id, listing_id, id DESC);
CREATE INDEX delivery_attempt_age ON delivery_attempt (at);

CREATE TABLE dead_letter (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  connection_id bigint NOT NULL,
  event_id bigint,
  listing_id bigint,
  delta_batch_id bigint,
  operation text NOT NULL,
  error_class text NOT NULL,
  error text NOT NULL,
  payload jsonb,
  attempts integer NOT NULL DEFAULT 1,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'resolved', 'discarded')),
  source_key text NOT NULL,
  correlation_id text NOT NULL,
  first_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, source_key)
);
CREATE INDEX dead_letter_open ON dead_letter (shop_id, id) WHERE state = 'open';

CREATE TABLE rate_budget (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  name text NOT NULL,
  tokens double precision NOT NULL,
  capacity double precision NOT NULL,
  refill_per_second double precision NOT NULL,
  blocked_until timestamptz,
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, connection_id, name),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id)
);

CREATE TABLE lag_sample (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  lag_ms integer NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id)
);
CREATE INDEX lag_sample_recent ON lag_sample (shop_id, connection_id, at DESC);

CREATE TABLE order_poll (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  from_at timestamptz NOT NULL,
  to_at timestamptz NOT NULL,
  orders integer NOT NULL DEFAULT 0,
  -- States that no webhook had brought.
  found integer NOT NULL DEFAULT 0,
  error text,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id)
);
CREATE INDEX order_poll_recent ON order_poll (shop_id, connection_id, id DESC);

-- What a channel showed against what it should have shown, and what was done about it.
CREATE TABLE difference (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  listing_id bigint NOT NULL,
  expected integer NOT NULL,
  found integer NOT NULL,
  cause text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id)
);

CREATE TABLE audit (
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  -- The session token's `sub`, or 'system'.
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL DEFAULT '',
  before jsonb,
  after jsonb,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id)
);

-- The ledger is append-only. Only erase_shop() may delete, and only the rows of the shop that it is erasing.
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('lockstep.erasing_shop', true) = OLD.shop_id::text THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'The ledger is append-only: % on movement is refused', TG_OP;
END $$;
CREATE TRIGGER movement_append_only BEFORE UPDATE OR DELETE ON movement FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER movement_no_truncate BEFORE TRUNCATE ON movement FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Erases everything of one shop (shop/redact). Children first; one statement for the caller, one transaction for all.
CREATE FUNCTION erase_shop(target bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM set_config('lockstep.erasing_shop', target::text, true);
  DELETE FROM audit WHERE shop_id = target;
  DELETE FROM difference WHERE shop_id = target;
  DELETE FROM order_poll WHERE shop_id = target;
  DELETE FROM lag_sample WHERE shop_id = target;
  DELETE FROM rate_budget WHERE shop_id = target;
  DELETE FROM dead_letter WHERE shop_id = target;
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
