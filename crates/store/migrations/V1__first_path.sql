-- One text for SQLite and PostgreSQL: BIGINT, TEXT and BYTEA mean the same in both.

-- Facts: what was signed, received, cosigned. Nothing here can be made again from anything else.

CREATE TABLE agreement (
    terms TEXT PRIMARY KEY,
    text TEXT NOT NULL,
    signed BIGINT NOT NULL
);

CREATE TABLE peer (
    party TEXT PRIMARY KEY,
    card TEXT NOT NULL
);

CREATE TABLE ledger (
    id TEXT PRIMARY KEY,
    terms TEXT NOT NULL,
    party TEXT NOT NULL,
    mine BIGINT NOT NULL,
    vkey TEXT NOT NULL,
    size BIGINT NOT NULL,
    verified BIGINT NOT NULL,
    witnessed BIGINT NOT NULL,
    channel TEXT NOT NULL
);

CREATE TABLE leaf (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    -- In which order entries of all ledgers came to this node: a rebuild takes them in this order.
    arrival BIGINT NOT NULL,
    entry BYTEA NOT NULL,
    PRIMARY KEY (ledger, idx)
);

CREATE UNIQUE INDEX leaf_arrival ON leaf (arrival);

CREATE TABLE tile (
    ledger TEXT NOT NULL,
    level BIGINT NOT NULL,
    number BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (ledger, level, number)
);

-- Every head of a ledger that its key signed and that fits the entries here.
CREATE TABLE head (
    ledger TEXT NOT NULL,
    size BIGINT NOT NULL,
    root TEXT NOT NULL,
    note TEXT NOT NULL,
    mirrored BIGINT,
    PRIMARY KEY (ledger, size)
);

-- The first witnessed checkpoint of each size: these are what times are read from.
CREATE TABLE history (
    ledger TEXT NOT NULL,
    size BIGINT NOT NULL,
    note TEXT NOT NULL,
    time BIGINT NOT NULL,
    PRIMARY KEY (ledger, size)
);

CREATE TABLE sealed (
    digest TEXT PRIMARY KEY,
    ciphertext BYTEA NOT NULL
);

-- What this node cosigned last, as witness and as mirror. Compared and swapped before it signs.
CREATE TABLE cosigned (
    role TEXT NOT NULL,
    ledger TEXT NOT NULL,
    size BIGINT NOT NULL,
    root TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (role, ledger)
);

CREATE TABLE evidence (
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    ledger TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    bytes BYTEA NOT NULL
);

-- How far the other side has this ledger: the ledger itself is the outbox.
CREATE TABLE delivery (
    ledger TEXT PRIMARY KEY,
    entries BIGINT NOT NULL,
    history BIGINT NOT NULL
);

-- Views: made again from the facts by `comity rebuild`.

CREATE TABLE statement (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    kind TEXT NOT NULL,
    thread TEXT NOT NULL,
    refused TEXT,
    letter TEXT,
    PRIMARY KEY (ledger, idx)
);

CREATE INDEX statement_thread ON statement (thread);

CREATE TABLE request (
    thread TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    terms TEXT NOT NULL,
    asker TEXT NOT NULL,
    receiver TEXT NOT NULL,
    title TEXT NOT NULL,
    status TEXT NOT NULL,
    desired TEXT NOT NULL,
    over BIGINT NOT NULL,
    state TEXT NOT NULL
);

CREATE UNIQUE INDEX request_seq ON request (seq);

-- Which threads an entry that receipts others concerns: times find their requests by it.
CREATE TABLE receipted (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    thread TEXT NOT NULL,
    PRIMARY KEY (ledger, idx, thread)
);

-- Receipts that this node owes.
CREATE TABLE owed (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (ledger, idx)
);

-- Nobody else's business.

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE session (
    token TEXT PRIMARY KEY,
    expires BIGINT NOT NULL
);

CREATE TABLE journal (
    idx BIGINT PRIMARY KEY,
    entry TEXT NOT NULL
);
