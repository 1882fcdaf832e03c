-- The files of a draft that waits, by their place in it: who lists drafts does not read them, and once a draft
-- is decided they are in its statement or nowhere.
CREATE TABLE draft_file (
    draft TEXT NOT NULL,
    number BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (draft, number)
);
