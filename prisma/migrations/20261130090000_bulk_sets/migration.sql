-- Many changes at once also from a file and from a channel: read first, confirmed, stopped, resumed and rolled back as a whole
-- (docs/decisions/020). What was there before becomes one kind of it.
ALTER TABLE bulk_change
  ADD COLUMN source text NOT NULL DEFAULT 'rule' CHECK (source IN ('rule', 'file', 'orders', 'listings')),
  -- The file's name, as the person sees it.
  ADD COLUMN name text NOT NULL DEFAULT '',
  -- Of `orders` and `listings`: which channel is read again, and its orders since when.
  ADD COLUMN connection_id bigint,
  ADD COLUMN since timestamptz,
  -- NULL: a draft. It is looked at, and nothing of it is done.
  ADD COLUMN confirmed_at timestamptz,
  ADD COLUMN confirmed_by text,
  -- Of a file: how many of its records were looked at, of how many bytes, in which encoding; read_at: all of them.
  ADD COLUMN read_records integer NOT NULL DEFAULT 0,
  ADD COLUMN encoding text CHECK (encoding IN ('utf-8', 'utf-16le', 'windows-1252')),
  ADD COLUMN read_at timestamptz,
  -- Why it is no such file at all. Nothing of it was kept.
  ADD COLUMN refusal text,
  -- Lines of the file with something wrong; they are left out.
  ADD COLUMN problems integer NOT NULL DEFAULT 0,
  -- What the dry run saw, frozen.
  ADD COLUMN summary jsonb,
  ADD COLUMN stopped_at timestamptz,
  ADD COLUMN cancelled_at timestamptz,
  -- Units that were moved, and those that were not there any more.
  ADD COLUMN units_up bigint NOT NULL DEFAULT 0,
  ADD COLUMN units_down bigint NOT NULL DEFAULT 0,
  ADD COLUMN units_missing bigint NOT NULL DEFAULT 0,
  -- The change that this one takes back.
  ADD COLUMN undoes_change bigint;
UPDATE bulk_change SET confirmed_at = asked_at, read_at = asked_at;
-- A rule is confirmed when it is asked for.
ALTER TABLE bulk_change ALTER COLUMN confirmed_at SET DEFAULT clock_timestamp(), ALTER COLUMN read_at SET DEFAULT clock_timestamp();
DROP INDEX bulk_change_waiting;
CREATE INDEX bulk_change_waiting ON bulk_change (shop_id, id) WHERE done_at IS NULL;
-- Once only.
CREATE UNIQUE INDEX bulk_change_undoes ON bulk_change (shop_id, undoes_change) WHERE undoes_change IS NOT NULL;

-- What each line does to its listing; what it did not say it leaves.
ALTER TABLE bulk_change_line
  ADD COLUMN line integer,
  ADD COLUMN sets_policy boolean NOT NULL DEFAULT false,
  ADD COLUMN paused boolean,
  ADD COLUMN sets_link boolean NOT NULL DEFAULT false,
  -- NULL with sets_link: linked to nothing.
  ADD COLUMN link_item bigint,
  ADD COLUMN before_item bigint,
  -- What was really changed by it, and can be taken back.
  ADD COLUMN wrote_policy boolean NOT NULL DEFAULT false,
  ADD COLUMN wrote_paused boolean NOT NULL DEFAULT false,
  ADD COLUMN wrote_link boolean NOT NULL DEFAULT false,
  DROP CONSTRAINT bulk_change_line_state_check,
  -- problem: its line of the file contradicts another one. left: the change was cancelled before its turn.
  ADD CHECK (state IN ('waiting', 'written', 'done', 'same', 'problem', 'left'));
UPDATE bulk_change_line b SET sets_policy = c.paused IS NULL, paused = c.paused,
  wrote_policy = c.paused IS NULL AND b.state IN ('written', 'done'), wrote_paused = c.paused IS NOT NULL AND b.state IN ('written', 'done')
  FROM bulk_change c WHERE c.shop_id = b.shop_id AND c.id = b.change_id;
CREATE INDEX bulk_change_line_links ON bulk_change_line (shop_id, change_id) WHERE sets_link AND state = 'waiting';
CREATE INDEX bulk_change_line_file ON bulk_change_line (shop_id, change_id, line) WHERE line IS NOT NULL;

-- Stock that a change moves, by item and location.
CREATE TABLE bulk_change_quantity (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  change_id bigint NOT NULL,
  item_id bigint NOT NULL,
  location_id bigint NOT NULL,
  line integer,
  -- available − short as the dry run saw it, and the figure that the file gives; NULL: it gives a difference.
  seen integer,
  to_figure integer,
  -- What is to be moved: of a figure, its difference to what was seen. So whatever is sold or changed later is kept.
  units integer NOT NULL,
  -- What was moved: fewer than `units` where they were not there any more.
  made integer,
  -- sent: its event is in the inbox. moved: apply has taken it, in the transaction that moved the stock. done: counted as well.
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'moved', 'done', 'same', 'problem', 'left')),
  PRIMARY KEY (shop_id, change_id, item_id, location_id),
  FOREIGN KEY (shop_id, change_id) REFERENCES bulk_change (shop_id, id) ON DELETE CASCADE
);
CREATE INDEX bulk_change_quantity_open ON bulk_change_quantity (shop_id, change_id, item_id, location_id) WHERE state IN ('waiting', 'sent', 'moved');
CREATE INDEX bulk_change_quantity_file ON bulk_change_quantity (shop_id, change_id, line) WHERE line IS NOT NULL;

-- What is wrong with a line of a file, in words.
CREATE TABLE bulk_change_problem (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  change_id bigint NOT NULL,
  line integer NOT NULL,
  sku text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (shop_id, change_id, line),
  FOREIGN KEY (shop_id, change_id) REFERENCES bulk_change (shop_id, id) ON DELETE CASCADE
);

-- The file itself, in parts; kept for 30 days.
CREATE TABLE bulk_change_file (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  change_id bigint NOT NULL,
  part integer NOT NULL,
  bytes bytea NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, change_id, part),
  FOREIGN KEY (shop_id, change_id) REFERENCES bulk_change (shop_id, id) ON DELETE CASCADE
);
CREATE INDEX bulk_change_file_age ON bulk_change_file (at);
