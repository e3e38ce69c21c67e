-- A bulk change may also pause or resume its listings. NULL: it gives them a rule. (Which listings it changed is in its lines, so
-- taking it back needs no more than this.)
ALTER TABLE bulk_change ADD COLUMN paused boolean;
ALTER TABLE bulk_change ADD CHECK (paused IS NULL OR policy IS NULL);

-- A product's story asks which bulk changes reached its listings.
CREATE INDEX bulk_change_line_listing ON bulk_change_line (shop_id, listing_id);
