-- What changes land with. A row of lists in JSON is inserted into one of these views: into the first, what the changes
-- expect, which is refused (RAISE) where a row of a list does not fit; into the second, what they append and overwrite;
-- into the third, both, so that all of it is one statement. A list has a trigger, which a list that is null does not wake.
-- Triggers of a view run in no particular order.

CREATE TEMP VIEW expected (created, grown, fences, takes, sweeps, deliveries, answers)
AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER expect_created INSTEAD OF INSERT ON expected WHEN NEW.created IS NOT NULL BEGIN
    INSERT INTO streams (stream, version, head)
    SELECT value ->> 'stream', value ->> 'version', value ->> 'head' FROM jsonb_each(NEW.created) WHERE true
    ON CONFLICT DO NOTHING;
    SELECT RAISE(ABORT, 'a chain is there already') WHERE changes() <> json_array_length(NEW.created);
END;

CREATE TEMP TRIGGER expect_grown INSTEAD OF INSERT ON expected WHEN NEW.grown IS NOT NULL BEGIN
    UPDATE streams SET version = chain.value ->> 'version', head = chain.value ->> 'head'
    FROM jsonb_each(NEW.grown) AS chain
    WHERE stream = chain.value ->> 'stream' AND version = chain.value ->> 'expected'
    AND NOT EXISTS (
        SELECT 1 FROM events
        WHERE events.stream = chain.value ->> 'stream' AND events.change_id = chain.value ->> 'id');
    SELECT RAISE(ABORT, 'a chain is not as long as expected') WHERE changes() <> json_array_length(NEW.grown);
END;

CREATE TEMP TRIGGER expect_fences INSTEAD OF INSERT ON expected WHEN NEW.fences IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'a lease was lost') FROM jsonb_each(NEW.fences) AS fence
    WHERE NOT EXISTS (
        SELECT 1 FROM agenda WHERE key = fence.value ->> 'key' AND token = fence.value ->> 'token');
END;

CREATE TEMP TRIGGER expect_takes INSTEAD OF INSERT ON expected WHEN NEW.takes IS NOT NULL BEGIN
    INSERT INTO seats (app, account, entitlement, generation, open_request)
    SELECT value ->> 'app',
        COALESCE((SELECT merged_into FROM accounts WHERE accounts.id = value ->> 'account'), value ->> 'account'),
        value ->> 'entitlement', 0, value ->> 'request'
    FROM jsonb_each(NEW.takes) WHERE value ->> 'generation' = 0
    ON CONFLICT DO UPDATE SET open_request = excluded.open_request WHERE open_request IS NULL AND generation = 0;
    SELECT RAISE(ABORT, 'a seat is taken, or no longer new') WHERE changes() <> json_array_length(NEW.takes);
END;

-- A delivery refers to its sweep.
CREATE TEMP TRIGGER expect_sweeps INSTEAD OF INSERT ON expected
WHEN NEW.sweeps IS NOT NULL OR NEW.deliveries IS NOT NULL BEGIN
    INSERT INTO sweeps (id, submitted_by, received_at, row_count, delivery)
    SELECT value ->> 'id', value ->> 'submitted_by', value ->> 'received_at', value ->> 'rows', value ->> 'delivery'
    FROM jsonb_each(NEW.sweeps) WHERE true
    ON CONFLICT DO NOTHING;
    SELECT RAISE(ABORT, 'a sweep is there already') WHERE changes() <> json_array_length(NEW.sweeps);
    INSERT INTO inbound_ids (id, digest, sweep, first_row, received_at)
    SELECT value ->> 'id', value ->> 'digest', value ->> 'sweep', value ->> 'first_row', value ->> 'received_at'
    FROM jsonb_each(NEW.deliveries) WHERE true
    ON CONFLICT DO NOTHING;
    SELECT RAISE(ABORT, 'a delivery is there already') WHERE changes() <> json_array_length(NEW.deliveries);
END;

CREATE TEMP TRIGGER expect_answers INSTEAD OF INSERT ON expected WHEN NEW.answers IS NOT NULL BEGIN
    INSERT INTO sweep_rows (sweep, row, status, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM jsonb_each(NEW.answers) WHERE true
    ON CONFLICT DO NOTHING;
    SELECT RAISE(ABORT, 'a row is answered already') WHERE changes() <> json_array_length(NEW.answers);
END;

-- `now` is the lease clock's time. Where rows hold long texts, LIMIT keeps SQLite from writing a row out anew for each
-- of its columns.
CREATE TEMP VIEW landing (
    releases, events, opened, moved, asked, tasks, unsaved, savings, cards, members, texts, subjects, wanted, replaced,
    removed, held, now
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER land_releases INSTEAD OF INSERT ON landing WHEN NEW.releases IS NOT NULL BEGIN
    UPDATE seats SET open_request = NULL, generation = generation + 1
    WHERE open_request IN (SELECT value FROM jsonb_each(NEW.releases));
END;

CREATE TEMP TRIGGER land_events INSTEAD OF INSERT ON landing WHEN NEW.events IS NOT NULL BEGIN
    INSERT INTO events (stream, seq, change_id, kind, at, hash, body)
    SELECT value ->> 'stream', value ->> 'seq', value ->> 'change', value ->> 'kind', value ->> 'at', value ->> 'hash',
        value ->> 'body'
    FROM (SELECT value FROM jsonb_each(NEW.events) LIMIT -1);
END;

CREATE TEMP TRIGGER land_opened INSTEAD OF INSERT ON landing WHEN NEW.opened IS NOT NULL BEGIN
    INSERT INTO requests
        (id, state, mode, app, opened_at, closed_at, kept_until, sweep, channel, outcome, cost, currency, decider,
            holder, playbook, body)
    SELECT value ->> 'id', value ->> 'state', value ->> 'mode', value ->> 'app', value ->> 'opened_at',
        value ->> 'closed_at', value ->> 'kept_until', value ->> 'sweep', value ->> 'channel', value ->> 'outcome',
        value ->> 'cost', value ->> 'currency', value ->> 'decider', value ->> 'holder', value ->> 'playbook', value ->> 'body'
    FROM (SELECT value FROM jsonb_each(NEW.opened) LIMIT -1);
END;

CREATE TEMP TRIGGER land_moved INSTEAD OF INSERT ON landing WHEN NEW.moved IS NOT NULL BEGIN
    UPDATE requests
    SET state = move.value ->> 'state', mode = move.value ->> 'mode', closed_at = move.value ->> 'closed_at',
        kept_until = move.value ->> 'kept_until', outcome = move.value ->> 'outcome',
        decider = move.value ->> 'decider',
        body = move.value ->> 'body'
    FROM (SELECT value FROM jsonb_each(NEW.moved) LIMIT -1) AS move WHERE requests.id = move.value ->> 'id';
    DELETE FROM request_asked WHERE (person, request) IN (
        SELECT known.person, known.request FROM jsonb_each(NEW.moved) AS move CROSS JOIN request_asked AS known
        ON known.request = move.value ->> 'id'
        WHERE NOT EXISTS (SELECT 1 FROM jsonb_each(move.value, '$.asked') AS asked WHERE asked.value = known.person));
END;

CREATE TEMP TRIGGER land_asked INSTEAD OF INSERT ON landing WHEN NEW.asked IS NOT NULL BEGIN
    INSERT INTO request_asked (person, request, state, kept_until)
    SELECT value ->> 'person', value ->> 'request', value ->> 'state', value ->> 'kept_until'
    FROM jsonb_each(NEW.asked) WHERE true
    ON CONFLICT DO UPDATE SET state = excluded.state, kept_until = excluded.kept_until
    WHERE (state, kept_until) IS NOT (excluded.state, excluded.kept_until);
END;

CREATE TEMP TRIGGER land_tasks INSTEAD OF INSERT ON landing WHEN NEW.tasks IS NOT NULL BEGIN
    INSERT INTO tasks
        (request, id, position, name, status, attempts, pause, may_have_happened, proof, receipt, updated_at, began_at)
    SELECT value ->> 'request', value ->> 'id', value ->> 'position', value ->> 'name', value ->> 'status',
        value ->> 'attempts', value ->> 'pause', value ->> 'may_have_happened', value ->> 'proof', value ->> 'receipt',
        value ->> 'updated_at', CASE WHEN value ->> 'attempts' > 0 THEN value ->> 'updated_at' END
    FROM jsonb_each(NEW.tasks) WHERE true
    ON CONFLICT (request, id) DO UPDATE
    SET status = excluded.status, attempts = excluded.attempts, pause = excluded.pause,
        may_have_happened = excluded.may_have_happened, proof = excluded.proof, receipt = excluded.receipt,
        began_at = COALESCE(began_at, excluded.began_at), updated_at = excluded.updated_at
    WHERE (status, attempts, pause, may_have_happened) IS NOT
        (excluded.status, excluded.attempts, excluded.pause, excluded.may_have_happened);
END;

CREATE TEMP TRIGGER land_unsaved INSTEAD OF INSERT ON landing WHEN NEW.unsaved IS NOT NULL BEGIN
    DELETE FROM savings WHERE request IN (SELECT value FROM jsonb_each(NEW.unsaved));
END;

CREATE TEMP TRIGGER land_savings INSTEAD OF INSERT ON landing WHEN NEW.savings IS NOT NULL BEGIN
    INSERT INTO savings (request, month, app, standing, proof, effective_at, currency, minor)
    SELECT value ->> 'request', value ->> 'month', value ->> 'app', value ->> 'standing', value ->> 'proof',
        value ->> 'effective_at', value ->> 'currency', value ->> 'minor'
    FROM jsonb_each(NEW.savings) WHERE true
    ON CONFLICT (request) DO UPDATE
    SET month = excluded.month, standing = excluded.standing, proof = excluded.proof,
        effective_at = excluded.effective_at;
END;

CREATE TEMP TRIGGER land_cards INSTEAD OF INSERT ON landing WHEN NEW.cards IS NOT NULL BEGIN
    INSERT INTO cards (id, approver, sweep, channel, posted, shown, delivered_at, delivered, ambiguous)
    SELECT value ->> 'id', value ->> 'approver', value ->> 'sweep', value ->> 'channel', value ->> 'posted',
        value ->> 'shown', value ->> 'delivered_at', value ->> 'delivered', value ->> 'ambiguous'
    FROM jsonb_each(NEW.cards) WHERE true
    ON CONFLICT DO NOTHING;
END;

CREATE TEMP TRIGGER land_members INSTEAD OF INSERT ON landing WHEN NEW.members IS NOT NULL BEGIN
    INSERT INTO card_requests (card, request)
    SELECT value ->> 'card', value ->> 'request' FROM jsonb_each(NEW.members) WHERE true
    ON CONFLICT DO NOTHING;
END;

CREATE TEMP TRIGGER land_texts INSTEAD OF INSERT ON landing WHEN NEW.texts IS NOT NULL BEGIN
    INSERT INTO texts (id, salt, body)
    SELECT value ->> 'id', value ->> 'salt', value ->> 'body' FROM jsonb_each(NEW.texts) WHERE true
    ON CONFLICT DO NOTHING;
END;

CREATE TEMP TRIGGER land_subjects INSTEAD OF INSERT ON landing WHEN NEW.subjects IS NOT NULL BEGIN
    INSERT INTO text_subjects (person, text)
    SELECT value ->> 'person', value ->> 'text' FROM jsonb_each(NEW.subjects) WHERE true
    ON CONFLICT DO NOTHING;
END;

CREATE TEMP TRIGGER land_wanted INSTEAD OF INSERT ON landing WHEN NEW.wanted IS NOT NULL BEGIN
    INSERT INTO agenda (key, item, due, lane, gated)
    SELECT value ->> 'key', value ->> 'item', value ->> 'due', value ->> 'lane', value ->> 'gated'
    FROM jsonb_each(NEW.wanted) WHERE true
    ON CONFLICT DO UPDATE SET due = min(due, excluded.due), wanted = wanted + 1;
END;

CREATE TEMP TRIGGER land_replaced INSTEAD OF INSERT ON landing WHEN NEW.replaced IS NOT NULL BEGIN
    INSERT INTO agenda (key, item, due, lane, gated)
    SELECT value ->> 'key', value ->> 'item', value ->> 'due', value ->> 'lane', value ->> 'gated'
    FROM jsonb_each(NEW.replaced) WHERE true
    ON CONFLICT DO UPDATE
    SET item = excluded.item, due = excluded.due, lane = excluded.lane, gated = excluded.gated,
        wanted = 1, tries = 0, token = NULL, lease_until = NULL;
END;

CREATE TEMP TRIGGER land_removed INSTEAD OF INSERT ON landing WHEN NEW.removed IS NOT NULL BEGIN
    DELETE FROM agenda WHERE key IN (SELECT value FROM jsonb_each(NEW.removed));
END;

CREATE TEMP TRIGGER land_held INSTEAD OF INSERT ON landing WHEN NEW.held IS NOT NULL BEGIN
    UPDATE agenda SET lease_until = NEW.now + (hold.value ->> 'lease'), gated = 0
    FROM jsonb_each(NEW.held) AS hold WHERE agenda.key = hold.value ->> 'key';
END;

CREATE TEMP VIEW whole (
    releases, events, opened, moved, asked, tasks, unsaved, savings, cards, members, texts, subjects, wanted, replaced,
    removed, held, now, created, grown, fences, takes, sweeps, deliveries, answers
) AS SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL;

CREATE TEMP TRIGGER land_whole INSTEAD OF INSERT ON whole BEGIN
    INSERT INTO expected
    VALUES (NEW.created, NEW.grown, NEW.fences, NEW.takes, NEW.sweeps, NEW.deliveries, NEW.answers);
    INSERT INTO landing
    VALUES (NEW.releases, NEW.events, NEW.opened, NEW.moved, NEW.asked, NEW.tasks, NEW.unsaved, NEW.savings, NEW.cards,
        NEW.members, NEW.texts, NEW.subjects, NEW.wanted, NEW.replaced, NEW.removed, NEW.held, NEW.now);
END;
