-- Whether a collection ever got a version of an object after a later one of it: else what was added after a time is the
-- rest of the whole list. Of collections that are here nobody has watched.
ALTER TABLE intel_collection ADD COLUMN late BIGINT NOT NULL DEFAULT 1;
