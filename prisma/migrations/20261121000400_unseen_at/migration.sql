-- The reading (channel's clock) that the units in `unseen` were first missed in. Later readings move `read_at`, not this: the
-- order watermark must be able to overtake it, however often the listing is looked at.
ALTER TABLE listing ADD COLUMN unseen_at timestamptz;
