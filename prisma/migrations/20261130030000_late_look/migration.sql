-- A write that was accepted long ago and overtaken may show until then, although raising does not wait so long for it: a last
-- look is taken at that moment (app/delivery/look-late.ts).
ALTER TABLE listing ADD COLUMN late_until timestamptz;
CREATE INDEX listing_late ON listing (late_until) WHERE late_until IS NOT NULL;
