-- What changes that land together expect, list by list. Each row answers with a row if it fits: where one is missing,
-- nothing of this is kept.
-- $1 created, $2 grown, $3 fences, $4 takes, $5 sweeps, $6 deliveries, $7 answers

INSERT INTO streams (stream, version, head)
SELECT value ->> 'stream', value ->> 'version', value ->> 'head' FROM json_each($1) WHERE true
ON CONFLICT DO NOTHING
RETURNING 1;

UPDATE streams SET version = new.value ->> 'version', head = new.value ->> 'head'
FROM json_each($2) AS new
WHERE stream = new.value ->> 'stream' AND version = new.value ->> 'expected'
AND NOT EXISTS (
    SELECT 1 FROM events WHERE events.stream = new.value ->> 'stream' AND events.change_id = new.value ->> 'id')
RETURNING 1;

SELECT 1 FROM json_each($3) AS fence CROSS JOIN agenda
ON agenda.key = fence.value ->> 'key' AND token = fence.value ->> 'token';

INSERT INTO seats (app, account, entitlement, generation, open_request)
SELECT value ->> 'app',
    COALESCE((SELECT merged_into FROM accounts WHERE accounts.id = value ->> 'account'), value ->> 'account'),
    value ->> 'entitlement', 0, value ->> 'request'
FROM json_each($4) WHERE value ->> 'generation' = 0
ON CONFLICT DO UPDATE SET open_request = excluded.open_request WHERE open_request IS NULL AND generation = 0
RETURNING 1;

INSERT INTO sweeps (id, submitted_by, received_at, row_count, delivery)
SELECT value ->> 'id', value ->> 'submitted_by', value ->> 'received_at', value ->> 'rows', value ->> 'delivery'
FROM json_each($5) WHERE true
ON CONFLICT DO NOTHING
RETURNING 1;

INSERT INTO inbound_ids (id, digest, sweep, first_row, received_at)
SELECT value ->> 'id', value ->> 'digest', value ->> 'sweep', value ->> 'first_row', value ->> 'received_at'
FROM json_each($6) WHERE true
ON CONFLICT DO NOTHING
RETURNING 1;

INSERT INTO sweep_rows (sweep, row, status, body)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($7) WHERE true
ON CONFLICT DO NOTHING
RETURNING 1;
