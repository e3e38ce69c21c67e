-- A batch whose key is too old to be sent again, and of which home never said whether it took it.
ALTER TABLE delta_batch ADD COLUMN unresolved_at timestamptz;

-- unresolved: home was read since, and more than one explanation fits. The lower figure counts until a person says which;
-- it does not stand in the way of new differences of the same item and location.
ALTER TABLE delta_line DROP CONSTRAINT delta_line_state_check;
ALTER TABLE delta_line ADD CONSTRAINT delta_line_state_check CHECK (state IN ('open', 'landed', 'contained', 'void', 'unresolved'));
DROP INDEX delta_line_uncontained;
CREATE INDEX delta_line_uncontained ON delta_line (shop_id, item_id) WHERE state IN ('open', 'landed', 'unresolved');
CREATE INDEX delta_batch_unresolved ON delta_batch (unresolved_at) WHERE state = 'unresolved';
