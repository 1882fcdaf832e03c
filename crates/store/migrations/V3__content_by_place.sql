-- Contents and statements by place, no longer by hash: what comes together lies together, so that an
-- entry costs the same in a ledger of a million as in one of ten thousand.

-- Ciphertexts, each at the entry that commits to it. Filled from `sealed` by `migrate`, which has to
-- read the entries for that.
CREATE TABLE content (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    ciphertext BYTEA NOT NULL,
    PRIMARY KEY (ledger, idx)
);

-- A statement names its request by `request.seq`.
ALTER TABLE statement ADD COLUMN request BIGINT;

UPDATE statement SET request =
    (SELECT seq FROM request WHERE request.thread = statement.thread) WHERE thread <> '';

CREATE INDEX statement_request ON statement (request);

CREATE TABLE receipt_of (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    request BIGINT NOT NULL,
    PRIMARY KEY (ledger, idx, request)
);

INSERT INTO receipt_of (ledger, idx, request)
    SELECT receipted.ledger, receipted.idx, request.seq FROM receipted
    JOIN request ON request.thread = receipted.thread;
