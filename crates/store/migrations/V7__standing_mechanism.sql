-- The standing mechanism beside requests, and whom it wakes.

-- A view: threads that are no requests. `seq` counts with that of requests: a statement names either.
CREATE TABLE matter (
    thread TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    terms TEXT NOT NULL,
    topic TEXT NOT NULL,
    opener TEXT NOT NULL,
    exercise BIGINT NOT NULL,
    title TEXT NOT NULL,
    over BIGINT NOT NULL,
    state TEXT NOT NULL
);

CREATE UNIQUE INDEX matter_seq ON matter (seq);

CREATE INDEX matter_topic ON matter (topic, seq);

-- A view: what an answer's limits of use have a date for.
CREATE TABLE limit_of (
    ledger TEXT NOT NULL,
    idx BIGINT NOT NULL,
    what TEXT NOT NULL,
    day TEXT NOT NULL,
    request BIGINT NOT NULL,
    PRIMARY KEY (ledger, idx, what)
);

CREATE INDEX limit_day ON limit_of (day);

-- Nobody else's business.

-- How an account is reached, and from which step of a ladder on.
CREATE TABLE contact (
    account TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    language TEXT NOT NULL,
    step BIGINT NOT NULL
);

-- Who is on duty when.
CREATE TABLE shift (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL
);

CREATE INDEX shift_starts ON shift (starts);

-- What one shift told the next.
CREATE TABLE handover (
    id TEXT PRIMARY KEY,
    gives TEXT NOT NULL,
    at BIGINT NOT NULL,
    note TEXT NOT NULL,
    takes TEXT,
    taken BIGINT
);

CREATE INDEX handover_at ON handover (at);

CREATE TABLE webhook (
    name TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    secret TEXT NOT NULL
);

-- What somebody is told of, once each: the key says what it is.
CREATE TABLE alert (
    key TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    what TEXT NOT NULL,
    thread TEXT,
    step BIGINT NOT NULL,
    detail TEXT NOT NULL,
    seen_by TEXT,
    seen BIGINT
);

CREATE INDEX alert_at ON alert (at);

-- To whom, and whether it went out.
CREATE TABLE alert_to (
    key TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    tries BIGINT NOT NULL,
    due BIGINT NOT NULL,
    sent BIGINT,
    error TEXT,
    PRIMARY KEY (key, channel, address)
);

CREATE INDEX alert_to_due ON alert_to (sent, due);

-- Which authorities of the party a request goes to, and what each says.
CREATE TABLE route (
    thread TEXT NOT NULL,
    authority TEXT NOT NULL,
    part TEXT NOT NULL,
    stand TEXT NOT NULL,
    note TEXT NOT NULL,
    who TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (thread, authority)
);

-- What is open is found without what is over.
CREATE INDEX request_open ON request (seq) WHERE over = 0;
CREATE INDEX matter_open ON matter (topic, seq) WHERE over = 0;
CREATE INDEX matter_terms ON matter (terms, topic, seq);
CREATE INDEX alert_waiting ON alert (at, key) WHERE seen_by IS NULL;
