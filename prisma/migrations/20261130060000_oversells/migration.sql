-- How units that were sold and not there came to an end. `covered` counts all that are not owed any more; what did not end by stock
-- that came is counted apart. Dismissed: a person has closed the card, the units are still owed and still covered oldest first.
ALTER TABLE oversell DROP CONSTRAINT oversell_state_check;
ALTER TABLE oversell
  ADD CONSTRAINT oversell_state_check CHECK (state IN ('open', 'covered', 'moved', 'cancelled', 'substituted', 'dismissed')),
  ADD COLUMN moved integer NOT NULL DEFAULT 0 CHECK (moved >= 0),
  ADD COLUMN cancelled integer NOT NULL DEFAULT 0 CHECK (cancelled >= 0),
  ADD COLUMN substituted integer NOT NULL DEFAULT 0 CHECK (substituted >= 0),
  ADD CHECK (moved + cancelled + substituted <= covered),
  -- When the buyer ordered, at the earliest: who is owed for longest gets the next stock.
  ADD COLUMN placed_at timestamptz,
  -- The session token's `sub`, or 'system'.
  ADD COLUMN ended_by text,
  ADD COLUMN dismissed_by text,
  ADD COLUMN dismissed_at timestamptz,
  ADD COLUMN dismissed_reason text,
  -- What the staff is to send instead.
  ADD COLUMN send_instead text;
-- What stock still has to cover, dismissed or not.
CREATE INDEX oversell_owed ON oversell (shop_id, item_id, id) WHERE covered < units;

-- A substitute lies beside what it stands in for, so that a part of the line that is given back gives back one of them and not both.
ALTER TABLE order_line_allocation ADD COLUMN instead_of bigint NOT NULL DEFAULT 0;
ALTER TABLE order_line_allocation DROP CONSTRAINT order_line_allocation_pkey;
ALTER TABLE order_line_allocation ADD PRIMARY KEY (shop_id, connection_id, order_id, line_id, item_id, location_id, instead_of);

-- Orders that a person wants cancelled on their channel: one wish for each. What the channel did comes back as the order's own message.
CREATE TABLE order_cancellation (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  connection_id bigint NOT NULL,
  order_id text NOT NULL,
  -- asked: not sent yet. sent: it left, and nobody knows what came of it until the order was read. taken: the channel said yes.
  -- refused: it surely is not cancelled, and why.
  state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'sent', 'taken', 'refused')),
  asked_by text NOT NULL,
  asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sent_at timestamptz,
  ended_at timestamptz,
  reason text,
  due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  claim_token text,
  claimed_until timestamptz,
  PRIMARY KEY (shop_id, connection_id, order_id),
  FOREIGN KEY (shop_id, connection_id, order_id) REFERENCES sales_order (shop_id, connection_id, order_id) ON DELETE CASCADE
);
CREATE INDEX order_cancellation_due ON order_cancellation (due_at) WHERE state IN ('asked', 'sent');

-- A card's history is its entries in the audit.
CREATE INDEX audit_oversell ON audit (shop_id, subject, id) WHERE action LIKE 'oversell.%';
