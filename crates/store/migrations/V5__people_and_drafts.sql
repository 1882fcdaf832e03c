-- Who may come in, and what waits for a second pair of eyes.

CREATE TABLE account (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    authority TEXT,
    password TEXT NOT NULL,
    disabled BIGINT NOT NULL,
    created BIGINT NOT NULL
);

ALTER TABLE session ADD COLUMN account TEXT NOT NULL DEFAULT 'operator';

CREATE TABLE draft (
    id TEXT PRIMARY KEY,
    author TEXT NOT NULL,
    authority TEXT,
    terms TEXT NOT NULL,
    request TEXT,
    command TEXT NOT NULL,
    made BIGINT NOT NULL,
    decided TEXT,
    decided_by TEXT,
    decided_at BIGINT,
    note TEXT
);

CREATE INDEX draft_open ON draft (decided, made);
