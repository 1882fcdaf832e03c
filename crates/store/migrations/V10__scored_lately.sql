-- What was scored last in a ledger: a dispute may arise after the request is closed.
CREATE INDEX statement_assess ON statement (ledger, idx) WHERE kind = 'request.assess/1';
