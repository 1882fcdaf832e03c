-- What V3 replaced.

DROP TABLE sealed;

DROP TABLE receipted;

DROP INDEX statement_thread;

ALTER TABLE statement DROP COLUMN thread;
