-- Failures that are tried again as one named thing (app/replay): frozen when it was confirmed, done at a slow pace, with what came of each.
CREATE TABLE replay_run (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
  reason text NOT NULL CHECK (char_length(reason) BETWEEN 1 AND 500),
  actor text NOT NULL,
  -- The page's own name for one press: pressed twice, it is one run.
  press text NOT NULL CHECK (char_length(press) BETWEEN 1 AND 100),
  total integer NOT NULL,
  -- Kept with the lines, in the same statements. What is neither waits or is on its way.
  begun integer NOT NULL DEFAULT 0,
  succeeded integer NOT NULL DEFAULT 0,
  failed integer NOT NULL DEFAULT 0,
  nothing integer NOT NULL DEFAULT 0,
  left_alone integer NOT NULL DEFAULT 0,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  paused_at timestamptz,
  cancelled_at timestamptz,
  done_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, press),
  CHECK (begun >= 0 AND begun + succeeded + failed + nothing + left_alone <= total)
);
CREATE INDEX replay_run_open ON replay_run (shop_id, id) WHERE done_at IS NULL;

CREATE TABLE replay_line (
  shop_id bigint NOT NULL,
  run_id bigint NOT NULL,
  n integer NOT NULL,
  -- The dead letter that is tried again; NULL: a past event that had not failed.
  letter_id bigint,
  connection_id bigint NOT NULL,
  -- What is done for it: lines with one target are one push. "listing:7", "stock:3:1", "event:99".
  target text NOT NULL,
  listing_id bigint,
  item_id bigint,
  location_id bigint,
  event_id bigint,
  -- Of an event: the one that it was put into the inbox as.
  replayed_event_id bigint,
  -- nothing: it was settled already. left_alone: cannot be tried, or the run was cancelled before its turn.
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'begun', 'succeeded', 'failed', 'nothing', 'left_alone')),
  begun_at timestamptz,
  PRIMARY KEY (shop_id, run_id, n),
  FOREIGN KEY (shop_id, run_id) REFERENCES replay_run (shop_id, id) ON DELETE CASCADE
);
CREATE INDEX replay_line_waiting ON replay_line (shop_id, run_id, connection_id, target, n) WHERE state = 'waiting';
CREATE INDEX replay_line_begun ON replay_line (shop_id, run_id, n) WHERE state = 'begun';
CREATE INDEX replay_line_ended ON replay_line (shop_id, run_id, n) WHERE state IN ('failed', 'left_alone');
