-- Intelligence: objects as they were received, where each came from, and who may see it.
-- Of INTEGER keys SQLite makes the row's own number: one step less to each object.

-- What came at once.
CREATE TABLE intel_batch (
    num INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    through TEXT NOT NULL,
    source TEXT NOT NULL,
    -- The labels of what has none of its own.
    marking TEXT NOT NULL,
    -- What became of it, as JSON.
    report TEXT NOT NULL
);

-- A version of an object. Times are microseconds since 1970.
CREATE TABLE intel_object (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version BIGINT NOT NULL,
    spec TEXT NOT NULL,
    batch BIGINT NOT NULL,
    -- Sets of clearances, as numbers: who may see something of it, and who all of it.
    audience BIGINT NOT NULL,
    whole BIGINT NOT NULL,
    body BYTEA NOT NULL
);

CREATE UNIQUE INDEX intel_version ON intel_object (id, version);
CREATE INDEX intel_of_batch ON intel_object (batch);

-- The same version came again.
CREATE TABLE intel_again (
    object BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    PRIMARY KEY (object, batch)
);

-- What was deleted, so that it does not come back unasked.
CREATE TABLE intel_gone (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL
);

CREATE TABLE intel_collection (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    alias TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    -- The label of what is added by others and has none of its own.
    marking TEXT NOT NULL,
    -- The time of the latest addition: no two have the same.
    latest BIGINT NOT NULL
);

-- What a collection has, in the order in which its readers came to see it.
CREATE TABLE intel_member (
    collection BIGINT NOT NULL,
    added BIGINT NOT NULL,
    object BIGINT NOT NULL,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL,
    audience BIGINT NOT NULL,
    -- For which clearances it is the first and the last version that they see.
    earliest BIGINT NOT NULL,
    newest BIGINT NOT NULL
);

CREATE UNIQUE INDEX intel_member_order
    ON intel_member (collection, audience, added, object, earliest, newest, spec);
CREATE INDEX intel_member_kind
    ON intel_member (collection, kind, audience, added, object, earliest, newest, spec);
CREATE UNIQUE INDEX intel_member_object ON intel_member (object, collection);

-- A key of a tool, by its hash, and what it may.
CREATE TABLE intel_key (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    tlp TEXT NOT NULL,
    pap TEXT NOT NULL,
    expires BIGINT NOT NULL,
    -- Collections that it reads and writes, as JSON.
    rights TEXT NOT NULL
);

-- What became of an addition, for whoever made it.
CREATE TABLE intel_status (
    id TEXT PRIMARY KEY,
    key TEXT NOT NULL,
    at BIGINT NOT NULL,
    status TEXT NOT NULL
);

-- Where a pull goes on.
CREATE TABLE intel_cursor (
    remote TEXT PRIMARY KEY,
    cursor TEXT NOT NULL
);

-- What was pushed where, so that a deletion reaches it.
CREATE TABLE intel_pushed (
    remote TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (remote, id)
);

-- Views of the bodies, made again by a rebuild; the index of words is the other one.

CREATE TABLE intel_ref (
    target BIGINT NOT NULL,
    source BIGINT NOT NULL
);

CREATE INDEX intel_ref_target ON intel_ref (target, source);
