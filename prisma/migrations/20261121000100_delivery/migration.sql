-- The figure of a write that left and whose outcome nobody knows (no answer, or the process died before it was noted): the
-- next reading may hold it. Cleared by that reading, by a certain landing and by a certain failure.
ALTER TABLE listing ADD COLUMN sent integer;
-- When it left, no earlier write could still land: a reading of exactly that figure then settles it.
ALTER TABLE listing ADD COLUMN sent_alone boolean NOT NULL DEFAULT false;
-- Of `unseen`: units taken for sold while the last write was on its way. What no order has claimed by then is given back.
ALTER TABLE listing ADD COLUMN assumed integer NOT NULL DEFAULT 0 CHECK (assumed >= 0);
ALTER TABLE listing ADD COLUMN assumed_until timestamptz;
-- `unseen` as delivery left it: the difference to what it is now was claimed by orders since.
ALTER TABLE listing ADD COLUMN unseen_saved integer NOT NULL DEFAULT 0;

-- When the channel itself last said how large its bucket is: that counts before the documented limits.
ALTER TABLE rate_budget ADD COLUMN corrected_at timestamptz;
