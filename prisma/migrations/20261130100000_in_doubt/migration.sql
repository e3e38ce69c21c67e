-- Of `unseen`, at most so many are no sale and nobody's doing: all that was taken for sold on the way of a write, or may have been an
-- older write of ours, since nothing was unseen. What is missing beyond that is somebody's (app/apply/decide/listing.ts).
ALTER TABLE listing ADD COLUMN in_doubt integer NOT NULL DEFAULT 0 CHECK (in_doubt >= 0);
-- Of what is in doubt now nobody knows how much was assumed: all of it may have been.
UPDATE listing SET in_doubt = unseen WHERE assumed_until IS NOT NULL AND unseen > 0;
