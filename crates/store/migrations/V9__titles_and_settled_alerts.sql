-- A request's title in its translation, where it came with one: lists are searched for both. And what it goes on
-- from: so that is found from either end.
ALTER TABLE request ADD COLUMN translated TEXT NOT NULL DEFAULT '';
ALTER TABLE request ADD COLUMN follows TEXT NOT NULL DEFAULT '';
CREATE INDEX request_follows ON request (follows, seq);
-- Since when what an alert told of is so no more: it wakes nobody then.
ALTER TABLE alert ADD COLUMN settled BIGINT;
