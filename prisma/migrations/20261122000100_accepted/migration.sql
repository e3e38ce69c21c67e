-- The reading that the write under way (`sent`) was computed from: with it a later reading tells whether it landed, own sales
-- in between included. accepted_at: the channel took the write and applies it later; until it shows, it is followed.
ALTER TABLE listing ADD COLUMN sent_over integer, ADD COLUMN accepted_at timestamptz;
