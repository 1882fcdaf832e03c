-- A request's title in its translation, where it came with one: lists are searched for both.
ALTER TABLE request ADD COLUMN translated TEXT NOT NULL DEFAULT '';
