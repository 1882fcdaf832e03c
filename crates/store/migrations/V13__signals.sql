-- What a thread of the hotline sends: the latest test of each sort is found without the others.
ALTER TABLE matter ADD COLUMN signal TEXT NOT NULL DEFAULT '';
UPDATE matter SET signal = 'message' WHERE topic = 'hotline' AND state LIKE '%"mark":{"signal":["message",%';
UPDATE matter SET signal = 'echo' WHERE topic = 'hotline' AND state LIKE '%"mark":{"signal":["echo",%';
UPDATE matter SET signal = 'read-back' WHERE topic = 'hotline' AND state LIKE '%"mark":{"signal":["read-back",%';
UPDATE matter SET signal = 'ping' WHERE topic = 'hotline' AND state LIKE '%"mark":{"signal":["ping",%';
UPDATE matter SET signal = 'telephone' WHERE topic = 'hotline' AND state LIKE '%"mark":{"signal":["telephone",%';
CREATE INDEX matter_signal ON matter (terms, signal, opener, seq) WHERE exercise = 0;
