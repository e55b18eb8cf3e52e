-- What changes append and overwrite, list by list, once what they expect was found. A list that is null has no rows.
-- $1 releases, $2 events, $3 opened, $4 moved, $5 asked, $6 tasks, $7 unsaved, $8 savings, $9 cards, $10 members, $11 texts,
-- $12 subjects, $13 wanted, $14 replaced, $15 removed, $16 held, $17 the lease clock's time

UPDATE seats SET open_request = NULL, generation = generation + 1
WHERE open_request IN (SELECT value FROM json_each($1));

INSERT INTO events (stream, seq, change_id, kind, at, hash, body)
SELECT value ->> 'stream', value ->> 'seq', value ->> 'change', value ->> 'kind', value ->> 'at', value ->> 'hash',
    value ->> 'body'
FROM json_each($2);

INSERT INTO requests
    (id, state, mode, app, opened_at, closed_at, kept_until, sweep, channel, outcome, cost, currency, decider, holder,
        playbook, body)
SELECT value ->> 'id', value ->> 'state', value ->> 'mode', value ->> 'app', value ->> 'opened_at', value ->> 'closed_at',
    value ->> 'kept_until', value ->> 'sweep', value ->> 'channel', value ->> 'outcome', value ->> 'cost',
    value ->> 'currency', value ->> 'decider', value ->> 'holder', value ->> 'playbook', value ->> 'body'
FROM json_each($3);

UPDATE requests
SET state = new.value ->> 'state', mode = new.value ->> 'mode', closed_at = new.value ->> 'closed_at',
    kept_until = new.value ->> 'kept_until', outcome = new.value ->> 'outcome', decider = new.value ->> 'decider',
    body = new.value ->> 'body'
FROM json_each($4) AS new WHERE requests.id = new.value ->> 'id';

DELETE FROM request_asked WHERE (person, request) IN (
    SELECT known.person, known.request FROM json_each($4) AS new CROSS JOIN request_asked AS known
    ON known.request = new.value ->> 'id'
    WHERE NOT EXISTS (SELECT 1 FROM json_each(new.value, '$.asked') AS asked WHERE asked.value = known.person));

INSERT INTO request_asked (person, request, state, kept_until)
SELECT value ->> 'person', value ->> 'request', value ->> 'state', value ->> 'kept_until' FROM json_each($5) WHERE true
ON CONFLICT DO UPDATE SET state = excluded.state, kept_until = excluded.kept_until
WHERE (state, kept_until) IS NOT (excluded.state, excluded.kept_until);

INSERT INTO tasks
    (request, id, position, name, status, attempts, pause, may_have_happened, proof, receipt, updated_at, began_at)
SELECT value ->> 'request', value ->> 'id', value ->> 'position', value ->> 'name', value ->> 'status',
    value ->> 'attempts', value ->> 'pause', value ->> 'may_have_happened', value ->> 'proof', value ->> 'receipt',
    value ->> 'updated_at', CASE WHEN value ->> 'attempts' > 0 THEN value ->> 'updated_at' END
FROM json_each($6) WHERE true
ON CONFLICT (request, id) DO UPDATE
SET status = excluded.status, attempts = excluded.attempts, pause = excluded.pause,
    may_have_happened = excluded.may_have_happened, proof = excluded.proof, receipt = excluded.receipt,
    began_at = COALESCE(began_at, excluded.began_at), updated_at = excluded.updated_at
WHERE (status, attempts, pause, may_have_happened) IS NOT
    (excluded.status, excluded.attempts, excluded.pause, excluded.may_have_happened);

DELETE FROM savings WHERE request IN (SELECT value FROM json_each($7));

INSERT INTO savings (request, month, app, standing, proof, effective_at, currency, minor)
SELECT value ->> 'request', value ->> 'month', value ->> 'app', value ->> 'standing', value ->> 'proof',
    value ->> 'effective_at', value ->> 'currency', value ->> 'minor'
FROM json_each($8) WHERE true
ON CONFLICT (request) DO UPDATE
SET month = excluded.month, standing = excluded.standing, proof = excluded.proof,
    effective_at = excluded.effective_at;

INSERT INTO cards (id, approver, sweep, channel, posted, shown, delivered_at, delivered, ambiguous)
SELECT value ->> 'id', value ->> 'approver', value ->> 'sweep', value ->> 'channel', value ->> 'posted',
    value ->> 'shown', value ->> 'delivered_at', value ->> 'delivered', value ->> 'ambiguous'
FROM json_each($9) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO card_requests (card, request)
SELECT value ->> 'card', value ->> 'request' FROM json_each($10) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO texts (id, salt, body)
SELECT value ->> 'id', value ->> 'salt', value ->> 'body' FROM json_each($11) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO text_subjects (person, text)
SELECT value ->> 'person', value ->> 'text' FROM json_each($12) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO agenda (key, item, due, lane, gated)
SELECT value ->> 'key', value ->> 'item', value ->> 'due', value ->> 'lane', value ->> 'gated' FROM json_each($13) WHERE true
ON CONFLICT DO UPDATE SET due = min(due, excluded.due), wanted = wanted + 1;

INSERT OR REPLACE INTO agenda (key, item, due, lane, gated)
SELECT value ->> 'key', value ->> 'item', value ->> 'due', value ->> 'lane', value ->> 'gated' FROM json_each($14);

DELETE FROM agenda WHERE key IN (SELECT value FROM json_each($15));

UPDATE agenda SET lease_until = $17 + (hold.value ->> 'lease'), gated = 0
FROM json_each($16) AS hold WHERE agenda.key = hold.value ->> 'key';
