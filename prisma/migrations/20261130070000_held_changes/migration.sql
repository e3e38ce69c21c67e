-- A mass change in Shopify waits for somebody's approval (app/apply/decide/guard.ts, docs/decisions/018).

-- What home changed by itself and nobody has approved yet, negated: net = what home says + withheld. Above 0: lowered to nothing;
-- below 0: raised.
ALTER TABLE stock ADD COLUMN withheld integer NOT NULL DEFAULT 0;

-- Changes of one cause that together were more than the shop lets through unasked.
CREATE TABLE change_set (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  -- The event that was one too many.
  id bigint NOT NULL,
  kind text NOT NULL CHECK (kind IN ('zero', 'raise')),
  -- The limit as it was then, and how many products had been let through before it was reached.
  allowed integer NOT NULL,
  passed integer NOT NULL,
  opened_at timestamptz NOT NULL,
  -- Joined last. After a while without, what comes is counted anew.
  last_at timestamptz NOT NULL,
  -- Nothing of it waits any more.
  closed_at timestamptz,
  -- Somebody has said that the former figures stay, and it asks no more until something joins it.
  kept_at timestamptz,
  kept_by text,
  PRIMARY KEY (shop_id, id)
);
CREATE INDEX change_set_open ON change_set (shop_id, id) WHERE closed_at IS NULL;

-- The newest such change of a product at a place.
CREATE TABLE held_change (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  -- passed: let through, and counted for a while. held: waits. approved, kept: decided by a person. mended: home took it back, or
  -- something that explains it was heard of later.
  state text NOT NULL CHECK (state IN ('passed', 'held', 'approved', 'kept', 'mended')),
  kind text NOT NULL CHECK (kind IN ('zero', 'raise')),
  set_id bigint,
  former integer NOT NULL,
  to_figure integer NOT NULL,
  -- Home's clock: the reading that waits, and the one before the first that did.
  read_at timestamptz NOT NULL,
  former_read_at timestamptz,
  -- Our clock.
  at timestamptz NOT NULL,
  -- Somebody has decided, and the message that says so is in the inbox. Of what had passed: it was approved with the rest.
  asked text CHECK (asked IN ('approve', 'write-back')),
  PRIMARY KEY (shop_id, item_id, location_id),
  CHECK (state <> 'held' OR set_id IS NOT NULL),
  FOREIGN KEY (shop_id, item_id, location_id) REFERENCES stock (shop_id, item_id, location_id) ON DELETE CASCADE
) WITH (fillfactor = 80);
CREATE INDEX held_change_of_set ON held_change (shop_id, set_id, state, item_id, location_id) WHERE set_id IS NOT NULL;
CREATE INDEX held_change_passed ON held_change (shop_id, at) WHERE state = 'passed';

-- How many products are for sale on channels that are written to: what a limit in percent is taken of. Counted when it is needed.
CREATE TABLE sold_count (
  shop_id bigint PRIMARY KEY REFERENCES shop (id) ON DELETE CASCADE,
  items integer NOT NULL,
  counted_at timestamptz NOT NULL
);
