-- What a change appends and overwrites, once its checks have passed. Lists are JSON, so one statement writes many rows.
-- $1 stream, $2 events, $3 request (or null), $4 who is asked, $5 tasks, $6 cards, $7 their requests, $8 texts,
-- $9 what the request saves (or null)

INSERT INTO events (stream, seq, change_id, kind, at, hash, body)
SELECT $1, value ->> 'seq', value ->> 'change', value ->> 'kind', value ->> 'at', value ->> 'hash', value ->> 'body'
FROM json_each($2);

INSERT INTO requests
    (id, state, mode, app, opened_at, closed_at, kept_until, sweep, channel, outcome, cost, currency, decider, holder,
        playbook, body)
SELECT $3 ->> 'id', $3 ->> 'state', $3 ->> 'mode', $3 ->> 'app', $3 ->> 'opened_at', $3 ->> 'closed_at',
    $3 ->> 'kept_until', $3 ->> 'sweep', $3 ->> 'channel', $3 ->> 'outcome', $3 ->> 'cost', $3 ->> 'currency',
    $3 ->> 'decider', $3 ->> 'holder', $3 ->> 'playbook', $3 ->> 'body'
WHERE $3 IS NOT NULL
ON CONFLICT (id) DO UPDATE
SET state = excluded.state, mode = excluded.mode, closed_at = excluded.closed_at, kept_until = excluded.kept_until,
    outcome = excluded.outcome, decider = excluded.decider, body = excluded.body;

DELETE FROM request_asked
WHERE request = $3 ->> 'id' AND person NOT IN (SELECT value FROM json_each($4));

INSERT INTO request_asked (person, request, state, kept_until)
SELECT value, $3 ->> 'id', $3 ->> 'state', $3 ->> 'kept_until' FROM json_each($4) WHERE true
ON CONFLICT DO UPDATE SET state = excluded.state, kept_until = excluded.kept_until
WHERE (state, kept_until) IS NOT (excluded.state, excluded.kept_until);

INSERT INTO tasks
    (request, id, position, name, status, attempts, pause, may_have_happened, proof, receipt, began_at, updated_at)
SELECT $3 ->> 'id', value ->> 'id', key, value ->> 'name', value ->> 'status', value ->> 'attempts', value ->> 'pause',
    value ->> 'may_have_happened', value ->> 'proof', value ->> 'receipt',
    iif(value ->> 'attempts' > 0, value ->> 'updated_at', NULL), value ->> 'updated_at'
FROM json_each($5) WHERE true
ON CONFLICT (request, id) DO UPDATE
SET status = excluded.status, attempts = excluded.attempts, pause = excluded.pause,
    may_have_happened = excluded.may_have_happened, proof = excluded.proof, receipt = excluded.receipt,
    began_at = COALESCE(tasks.began_at, excluded.began_at), updated_at = excluded.updated_at
WHERE (status, attempts, pause, may_have_happened) IS NOT
    (excluded.status, excluded.attempts, excluded.pause, excluded.may_have_happened);

DELETE FROM savings WHERE request = $3 ->> 'id' AND $9 IS NULL;

INSERT INTO savings (request, month, app, standing, proof, effective_at, currency, minor)
SELECT $3 ->> 'id', $9 ->> 'month', $9 ->> 'app', $9 ->> 'standing', $9 ->> 'proof', $9 ->> 'effective_at',
    $9 ->> 'currency', $9 ->> 'minor'
WHERE $9 IS NOT NULL
ON CONFLICT (request) DO UPDATE
SET month = excluded.month, standing = excluded.standing, proof = excluded.proof,
    effective_at = excluded.effective_at;

INSERT INTO cards (id, approver, sweep, channel, posted, shown, delivered_at, delivered, ambiguous)
SELECT value ->> 'id', value ->> 'approver', value ->> 'sweep', value ->> 'channel', value ->> 'posted',
    value ->> 'shown', value ->> 'delivered_at', value ->> 'delivered', value ->> 'ambiguous'
FROM json_each($6) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO card_requests (card, request)
SELECT value ->> 'card', value ->> 'request' FROM json_each($7) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO texts (id, salt, body)
SELECT value ->> 'id', value ->> 'salt', value ->> 'body' FROM json_each($8) WHERE true
ON CONFLICT DO NOTHING;

INSERT INTO text_subjects (person, text)
SELECT subject.value, added.value ->> 'id' FROM json_each($8) AS added, json_each(added.value, '$.about') AS subject
WHERE true
ON CONFLICT DO NOTHING;
