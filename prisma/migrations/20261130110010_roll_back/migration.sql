-- A change that is under way may be taken back in one word: who said so. It ends first, and the change that takes it back begins with its end.
ALTER TABLE bulk_change ADD COLUMN roll_back_by text;
