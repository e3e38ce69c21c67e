-- What large checks read stands in a room of its own, which is emptied at once when it was compared; small ones share the first
-- (app/reconcile/check/rooms.ts). Runs that are reading begin anew: their own counter says that rows are missing.
DROP TABLE reconcile_row;

-- No foreign key: a million checks would take longer than the reading. The parts are UNLOGGED: a database that crashes has lost them.
CREATE TABLE reconcile_row (
  shop_id bigint NOT NULL,
  run_id bigint NOT NULL,
  attempt integer NOT NULL,
  n integer NOT NULL,
  room smallint NOT NULL DEFAULT 0,
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
  PRIMARY KEY (shop_id, run_id, attempt, n, room)
) PARTITION BY LIST (room);
CREATE UNLOGGED TABLE reconcile_row_0 PARTITION OF reconcile_row FOR VALUES IN (0)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000, autovacuum_vacuum_insert_threshold = -1);
DO $$
BEGIN
  FOR room IN 1..8 LOOP
    EXECUTE format('CREATE UNLOGGED TABLE reconcile_row_%s PARTITION OF reconcile_row (room DEFAULT %s) FOR VALUES IN (%s) WITH (autovacuum_enabled = false)', room, room, room);
  END LOOP;
END $$;

ALTER TABLE reconcile_run ADD COLUMN room smallint NOT NULL DEFAULT 0;
-- Whose it is, and of nobody else.
CREATE UNIQUE INDEX reconcile_run_room ON reconcile_run (room) WHERE room > 0;
