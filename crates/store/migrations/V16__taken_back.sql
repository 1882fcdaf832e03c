-- With which key a tool took back what it alone had brought; empty: it was deleted here, and does not come back unasked.
ALTER TABLE intel_gone ADD COLUMN key TEXT NOT NULL DEFAULT '';
-- Who may see that others name it: nobody, where it was deleted here.
ALTER TABLE intel_gone ADD COLUMN audience BIGINT NOT NULL DEFAULT 0;
