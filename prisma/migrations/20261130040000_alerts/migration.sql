-- What a merchant is told of without looking (app/alerts).

-- What differs from the kinds' own defaults (app/alerts/kinds.ts).
CREATE TABLE alert_rule (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  kind text NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 50),
  enabled boolean NOT NULL,
  threshold integer CHECK (threshold >= 0),
  PRIMARY KEY (shop_id, kind)
);

-- One spell of one trouble: noticed, told of when it has lasted long enough, over by itself.
CREATE TABLE alert (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  kind text NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 50),
  -- An item, a connection; empty: the shop.
  subject text NOT NULL CHECK (char_length(subject) <= 50),
  -- Its figures as they were looked at last.
  detail jsonb NOT NULL,
  noticed_at timestamptz NOT NULL DEFAULT now(),
  -- NULL: it has not lasted long enough to be told of.
  opened_at timestamptz,
  resolved_at timestamptz,
  -- Told of within the last hour already: it comes and goes, and no e-mail is written of it.
  quiet boolean NOT NULL DEFAULT false,
  PRIMARY KEY (shop_id, id)
);
CREATE UNIQUE INDEX alert_present ON alert (shop_id, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alert_recent ON alert (shop_id, kind, subject, opened_at DESC);
CREATE INDEX alert_over ON alert (resolved_at) WHERE resolved_at IS NOT NULL;

CREATE TABLE mail_recipient (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  address text NOT NULL CHECK (char_length(address) BETWEEN 3 AND 254),
  alerts boolean NOT NULL DEFAULT true,
  digest boolean NOT NULL DEFAULT true,
  added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, address)
);
-- When the day's summary is written. No row: at seven, UTC.
CREATE TABLE mail_setting (
  shop_id bigint PRIMARY KEY REFERENCES shop (id) ON DELETE CASCADE,
  digest_hour integer NOT NULL DEFAULT 7 CHECK (digest_hour BETWEEN 0 AND 23),
  time_zone text NOT NULL DEFAULT 'UTC' CHECK (char_length(time_zone) BETWEEN 1 AND 100)
);

-- E-mails that are to be sent, written by the transaction that has the reason, so that no crash comes in between.
CREATE TABLE mail (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  address text NOT NULL,
  -- One reason is one e-mail to each, however often it is found.
  source_key text NOT NULL,
  subject text NOT NULL,
  text_body text NOT NULL,
  html_body text NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dropped')),
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  claim_token text,
  claimed_until timestamptz,
  error text,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  done_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, source_key, address)
);
CREATE INDEX mail_waiting ON mail (shop_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX mail_done ON mail (done_at) WHERE state <> 'waiting';

-- What sells nothing although there is stock: looked at with every look for alerts.
CREATE INDEX listing_paused_by_connection ON listing (shop_id, connection_id) WHERE paused;
