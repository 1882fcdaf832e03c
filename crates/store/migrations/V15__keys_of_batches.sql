-- With which key a tool brought it: two may have one name.
ALTER TABLE intel_batch ADD COLUMN key TEXT NOT NULL DEFAULT '';
