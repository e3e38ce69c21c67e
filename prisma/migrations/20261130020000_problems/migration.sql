-- Failures of one kind together: one connection, one operation, one class of error (app/dead-letters/problems). How many of them are
-- open is a number that is kept, not counted.
CREATE TABLE problem (
  shop_id bigint NOT NULL REFERENCES shop (id) ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  operation text NOT NULL,
  error_class text NOT NULL,
  -- Open dead letters of the kind, but for what still waits in problem_change.
  failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  -- acknowledged, ignored: a person's word, good until the last failure is gone. resolved: it is.
  state text NOT NULL DEFAULT 'resolved' CHECK (state IN ('open', 'acknowledged', 'ignored', 'resolved')),
  -- How often it began.
  times integer NOT NULL DEFAULT 0,
  began_at timestamptz,
  last_at timestamptz,
  resolved_at timestamptz,
  -- The newest word of a person; it stays written when the problem is over or comes back.
  decided_by text,
  decided_at timestamptz,
  PRIMARY KEY (shop_id, id),
  UNIQUE (shop_id, connection_id, direction, operation, error_class),
  CHECK ((failures = 0) = (state = 'resolved'))
);
CREATE INDEX problem_unresolved ON problem (shop_id, id) WHERE state <> 'resolved';

-- What opened and closed since, one row per statement and kind. A counter that every statement adds to would be a row for which a
-- webhook's acknowledgement, a drain and a delivery wait for each other; rows that are only added wait for nobody. Each second they
-- are added up (fold.ts), in the order of their ids: what closes was seen open, so no sum of a beginning is below zero.
CREATE TABLE problem_change (
  -- No reference, as of the letters themselves: a message is kept, whatever is just happening to its shop.
  shop_id bigint NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY,
  connection_id bigint NOT NULL,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  operation text NOT NULL,
  error_class text NOT NULL,
  failures integer NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (shop_id, id)
);

-- What erases a shop deletes its letters first, and leaves their last changes here.
CREATE FUNCTION forget_problem_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM problem_change WHERE shop_id = OLD.id;
  RETURN NULL;
END $$;
CREATE TRIGGER shop_forgets_problem_changes AFTER DELETE ON shop FOR EACH ROW EXECUTE FUNCTION forget_problem_changes();

-- Triggers, because dead letters are opened and closed by many statements, each of which does it in passing.
CREATE FUNCTION note_problems_opened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO problem_change (shop_id, connection_id, direction, operation, error_class, failures)
  SELECT shop_id, connection_id, direction, left(operation, 200), left(error_class, 100), count(*)
  FROM fresh WHERE state = 'open' GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letter_opens_problem AFTER INSERT ON dead_letter
  REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_problems_opened();

-- The same failure may come back as another kind: one less of the one, one more of the other.
CREATE FUNCTION note_problems_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO problem_change (shop_id, connection_id, direction, operation, error_class, failures)
  SELECT shop_id, connection_id, direction, operation, error_class, sum(n) FROM (
    SELECT shop_id, connection_id, direction, left(operation, 200) AS operation, left(error_class, 100) AS error_class, -1 AS n
    FROM gone WHERE state = 'open'
    UNION ALL
    SELECT shop_id, connection_id, direction, left(operation, 200), left(error_class, 100), 1 FROM fresh WHERE state = 'open'
  ) both_sides GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letter_changes_problem AFTER UPDATE ON dead_letter
  REFERENCING OLD TABLE AS gone NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note_problems_changed();

CREATE FUNCTION note_problems_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO problem_change (shop_id, connection_id, direction, operation, error_class, failures)
  SELECT shop_id, connection_id, direction, left(operation, 200), left(error_class, 100), -count(*)
  FROM gone WHERE state = 'open' GROUP BY 1, 2, 3, 4, 5;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letter_leaves_problem AFTER DELETE ON dead_letter
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note_problems_closed();

INSERT INTO problem_change (shop_id, connection_id, direction, operation, error_class, failures, at)
SELECT shop_id, connection_id, direction, left(operation, 200), left(error_class, 100), count(*), min(first_at)
FROM dead_letter WHERE state = 'open' GROUP BY 1, 2, 3, 4, 5;

-- The newest failure of a kind, and the list of one kind page by page.
CREATE INDEX dead_letter_open_problem ON dead_letter (shop_id, connection_id, direction, operation, error_class, id) WHERE state = 'open';
