-- What a person decided about something that was set aside: who tried it again or discarded it, when, and why. It stays written
-- when the same thing fails again and is open once more.
ALTER TABLE dead_letter ADD COLUMN decided_by text;
ALTER TABLE dead_letter ADD COLUMN decided_at timestamptz;
ALTER TABLE dead_letter ADD COLUMN discard_reason text CHECK (length(discard_reason) <= 500);
CREATE INDEX dead_letter_open_kind ON dead_letter (shop_id, connection_id, error_class, id) WHERE state = 'open';
