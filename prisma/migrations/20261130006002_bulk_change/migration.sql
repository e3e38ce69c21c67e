-- Many changes at once on purpose (app/backfill): frozen when they were confirmed, done in batches, undone as one.
CREATE TABLE bulk_change (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  actor text NOT NULL,
  -- The page's own name for one press: pressed twice, it is one change.
  press text NOT NULL CHECK (char_length(press) BETWEEN 1 AND 100),
  -- The rule for all; NULL: the channel's. Of one that undoes another, each line has its own.
  policy jsonb,
  -- The audit entry that this one takes back.
  undoes_entry bigint,
  total integer NOT NULL,
  -- Looked at, and of these changed; the others had the rule already, or are gone.
  done integer NOT NULL DEFAULT 0,
  changed integer NOT NULL DEFAULT 0,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, press)
);
CREATE INDEX bulk_change_waiting ON bulk_change (shop_id, id) WHERE done_at IS NULL;

CREATE TABLE bulk_change_line (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  change_id bigint NOT NULL,
  listing_id bigint NOT NULL,
  policy jsonb,
  -- The rule that was there before. NULL: the channel's.
  before jsonb,
  -- written: the rule is saved, what must be shown is not computed again yet. same: nothing to change, or the listing is gone.
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'written', 'done', 'same')),
  PRIMARY KEY (shop_id, change_id, listing_id),
  FOREIGN KEY (shop_id, change_id) REFERENCES bulk_change (shop_id, id) ON DELETE CASCADE
);
CREATE INDEX bulk_change_line_open ON bulk_change_line (shop_id, change_id, listing_id) WHERE state IN ('waiting', 'written');
