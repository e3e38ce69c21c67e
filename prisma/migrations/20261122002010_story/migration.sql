-- What home was told of one product: part of the answer to "why is it 7?".
CREATE INDEX delta_line_item ON delta_line (shop_id, item_id, id DESC);
