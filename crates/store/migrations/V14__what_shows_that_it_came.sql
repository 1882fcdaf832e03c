-- Beside receipts whatever else the other side stated and had seen a statement proves that it came.
ALTER TABLE receipt_of RENAME TO proof_of;
-- The entries that are here have to be looked through for it once.
INSERT INTO setting (name, value) SELECT 'unshown', '' WHERE EXISTS (SELECT 1 FROM ledger);
-- A statement that names a thread of another agreement is none of that thread's.
UPDATE statement SET request = NULL, letter = NULL WHERE request IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM ledger JOIN request AS thread ON thread.terms = ledger.terms
        WHERE ledger.id = statement.ledger AND thread.seq = statement.request)
    AND NOT EXISTS (SELECT 1 FROM ledger JOIN matter AS thread ON thread.terms = ledger.terms
        WHERE ledger.id = statement.ledger AND thread.seq = statement.request);
DELETE FROM proof_of
    WHERE NOT EXISTS (SELECT 1 FROM ledger JOIN request AS thread ON thread.terms = ledger.terms
        WHERE ledger.id = proof_of.ledger AND thread.seq = proof_of.request)
    AND NOT EXISTS (SELECT 1 FROM ledger JOIN matter AS thread ON thread.terms = ledger.terms
        WHERE ledger.id = proof_of.ledger AND thread.seq = proof_of.request);
