-- A listing whose pieces are another listing's (a variation that shares its parent's stock), by that one's external id. Orders name
-- the first, stock and writes are the second's: it is never linked, read or written itself.
ALTER TABLE listing ADD COLUMN sold_from text;
