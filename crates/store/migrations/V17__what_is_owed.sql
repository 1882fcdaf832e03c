-- Which versions of what was pushed are to be deleted there: those up to this one. How often that was said is in `gone`.
ALTER TABLE intel_pushed ADD COLUMN gone_until BIGINT NOT NULL DEFAULT 9223372036854775807;
-- Since when it is there, in microseconds since 1970: what came from there before is its own.
ALTER TABLE intel_pushed ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
CREATE INDEX intel_pushed_id ON intel_pushed (id);

-- From which remote collection a batch came; empty: from none that is known. What is pushed there and comes from there again
-- is no other source of it.
ALTER TABLE intel_batch ADD COLUMN remote TEXT NOT NULL DEFAULT '';
UPDATE intel_batch SET remote = rtrim(source, '/') WHERE through = 'pull';
-- The remote collection of whoever has a key.
ALTER TABLE intel_key ADD COLUMN remote TEXT NOT NULL DEFAULT '';
