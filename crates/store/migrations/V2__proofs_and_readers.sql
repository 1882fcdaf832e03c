-- The earliest proof counts, whichever side has it, so proofs go both ways: what the other side may
-- not have yet is a list, no longer a place up to which one side's proofs were sent.

CREATE TABLE news (
    ledger TEXT NOT NULL,
    size BIGINT NOT NULL,
    PRIMARY KEY (ledger, size)
);

INSERT INTO news (ledger, size)
    SELECT history.ledger, history.size FROM history
    JOIN ledger ON ledger.id = history.ledger AND ledger.mine = 1
    LEFT JOIN delivery ON delivery.ledger = history.ledger
    WHERE history.size > COALESCE(delivery.history, 0);

ALTER TABLE delivery DROP COLUMN history;

-- Heads that a ledger's key signed over entries that are not all here yet: two that contradict each
-- other are a fork, and so is one that the entries do not turn out to have.
CREATE TABLE promise (
    ledger TEXT NOT NULL,
    size BIGINT NOT NULL,
    root TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (ledger, size)
);

-- Keys to read ledgers over HTTP, by their hash: auditors and members of agreements whose ledgers
-- are not everyone's.
CREATE TABLE reader (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    terms TEXT NOT NULL,
    expires BIGINT NOT NULL
);

-- Entries that were uploaded to the mirror and proven against the pending checkpoint, until all up to
-- it are here.
CREATE TABLE pending (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    entry BYTEA NOT NULL,
    PRIMARY KEY (ledger, idx)
);
