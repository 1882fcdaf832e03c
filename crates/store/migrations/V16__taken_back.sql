-- With which key a tool took back what it alone had brought; empty: it was deleted here, and does not come back unasked.
ALTER TABLE intel_gone ADD COLUMN key TEXT NOT NULL DEFAULT '';
-- Who may see that others name it: nobody, where it was deleted here.
ALTER TABLE intel_gone ADD COLUMN audience BIGINT NOT NULL DEFAULT 0;

-- Whether what was pushed is to be deleted there, because it was here since.
ALTER TABLE intel_pushed ADD COLUMN gone BIGINT NOT NULL DEFAULT 0;
UPDATE intel_pushed SET gone = 1 WHERE id IN (SELECT id FROM intel_gone);
