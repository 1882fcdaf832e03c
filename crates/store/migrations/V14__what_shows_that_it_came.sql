-- Beside receipts whatever else the other side stated and had seen a statement proves that it came.
ALTER TABLE receipt_of RENAME TO proof_of;
-- The entries that are here have to be looked through for it once.
INSERT INTO setting (name, value) SELECT 'unshown', '' WHERE EXISTS (SELECT 1 FROM ledger);
