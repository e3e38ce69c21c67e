-- Shopify Flow: which of our triggers a shop uses, what must still be sent to them, and what Flow asked us to do.

-- What Flow says of each trigger in a shop ("track lifecycle events"): the newest statement by its own time stamp counts.
CREATE TABLE flow_use (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  -- As Flow names the trigger (flow_trigger_definition_id).
  definition text NOT NULL CHECK (char_length(definition) <= 200),
  -- Which of our triggers that is; NULL: a name that we do not know, so any of them may be meant.
  handle text,
  in_use boolean NOT NULL,
  stamp timestamptz NOT NULL,
  PRIMARY KEY (shop_id, definition)
);

-- What happened and must be told to Flow. Written by the statement that makes it happen, so that no crash comes in between.
CREATE TABLE flow_event (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  handle text NOT NULL CHECK (handle IN ('oversell-detected', 'update-failed', 'channel-out-of-step')),
  -- What it is about: an oversell, a dead letter, a connection.
  subject_id bigint NOT NULL,
  -- One thing that happened is one row, and the id that a workflow can know it by.
  source_key text NOT NULL,
  -- What only the moment knew (why a channel is out of step).
  detail jsonb,
  occurred_at timestamptz NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dropped')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claim_token text,
  claimed_until timestamptz,
  error text,
  done_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, source_key)
);
CREATE INDEX flow_event_waiting ON flow_event (shop_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX flow_event_done ON flow_event (done_at) WHERE state <> 'waiting';

-- A channel that is out of step is told of once, however long that lasts.
CREATE TABLE flow_spell (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  told_at timestamptz NOT NULL,
  is_over boolean NOT NULL DEFAULT false,
  PRIMARY KEY (shop_id, connection_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id) ON DELETE CASCADE
);

-- What workflows asked for, once per action_run_id, and what became of it. Kept as long as the shop: an old signed request that
-- is played again must find its answer here.
CREATE TABLE flow_run (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  run_id text NOT NULL CHECK (char_length(run_id) BETWEEN 1 AND 200),
  handle text NOT NULL CHECK (handle IN ('pause-sku-everywhere', 'replay-failed-updates')),
  properties jsonb NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claim_token text,
  claimed_until timestamptz,
  -- done: it was. refused: it cannot be, and the merchant is told why. failed: our own fault, and it was tried often enough.
  outcome text CHECK (outcome IN ('done', 'refused', 'failed')),
  message text,
  done_at timestamptz,
  PRIMARY KEY (shop_id, run_id),
  CHECK ((outcome IS NULL) = (done_at IS NULL))
);
CREATE INDEX flow_run_waiting ON flow_run (shop_id, next_attempt_at) WHERE done_at IS NULL;

-- Does a workflow in this shop wait for it?
CREATE FUNCTION flow_waits_for(shop bigint, wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM flow_use WHERE shop_id = shop AND in_use AND (handle = wanted OR handle IS NULL))
$$;

-- An oversell is one event at its first row; stock that covers it later only updates that.
CREATE FUNCTION note_flow_oversell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF flow_waits_for(NEW.shop_id, 'oversell-detected') THEN
    INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at)
    VALUES (NEW.shop_id, 'oversell-detected', NEW.id, 'oversell:' || NEW.id, NEW.occurred_at)
    ON CONFLICT (shop_id, source_key) DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER oversell_to_flow AFTER INSERT ON oversell FOR EACH ROW WHEN (NEW.state = 'open') EXECUTE FUNCTION note_flow_oversell();

-- A dead letter is one event when it is opened, and again when a closed one is. One that stays open while it is tried again is not:
-- a workflow that replays what failed would else start itself for ever.
CREATE FUNCTION note_flow_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF flow_waits_for(NEW.shop_id, 'update-failed') THEN
    INSERT INTO flow_event (shop_id, handle, subject_id, source_key, occurred_at)
    VALUES (NEW.shop_id, 'update-failed', NEW.id, 'update:' || NEW.id || ':' || NEW.attempts, NEW.last_at)
    ON CONFLICT (shop_id, source_key) DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letter_to_flow AFTER INSERT ON dead_letter
  FOR EACH ROW WHEN (NEW.direction = 'out' AND NEW.state = 'open') EXECUTE FUNCTION note_flow_failure();
CREATE TRIGGER dead_letter_again_to_flow AFTER UPDATE ON dead_letter
  FOR EACH ROW WHEN (NEW.direction = 'out' AND NEW.state = 'open' AND OLD.state <> 'open') EXECUTE FUNCTION note_flow_failure();
