-- Every write is one call of a function: one round trip, one transaction, and each of its statements sees what was
-- committed before it began. What several callers bring lands together, a statement a table: so a call gets lists of rows,
-- by name, and a list that nobody has anything for is not there. Long texts come beside the lists, in the same order: they
-- need not be taken apart as JSON. A later release that needs another function gives it another name: servers of this
-- release may still be running.

-- Ends the call: something is not as the changes expect it. Nothing lands.
CREATE FUNCTION refuse(why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SG001', MESSAGE = why;
END $$;

-- Lengthens all chains. `created` must not be there, `grown` must have the expected length and not bear the change.
CREATE FUNCTION advance(batch jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    IF batch ? 'created' THEN
        INSERT INTO streams (stream, version, head)
        SELECT stream, version, head FROM jsonb_to_recordset(batch -> 'created') AS new (stream text, version bigint, head text)
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done < jsonb_array_length(batch -> 'created') THEN
            PERFORM refuse_chain(batch -> 'created');
        END IF;
    END IF;
    IF batch ? 'grown' THEN
        -- Waits for whoever lengthens a chain at the same time, and looks at it again then.
        UPDATE streams SET version = new.version, head = new.head
        FROM jsonb_to_recordset(batch -> 'grown') AS new (id text, stream text, expected bigint, version bigint, head text)
        WHERE streams.stream = new.stream AND streams.version = new.expected
        AND NOT EXISTS (SELECT FROM events WHERE events.stream = new.stream AND events.change_id = new.id);
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done < jsonb_array_length(batch -> 'grown') THEN
            PERFORM refuse_chain(batch -> 'grown');
        END IF;
    END IF;
    IF batch ? 'unmoved' THEN
        PERFORM check_length(batch -> 'unmoved');
    END IF;
END $$;

-- Appending nothing needs the right length only.
CREATE FUNCTION check_length(unmoved jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM streams WHERE stream IN (SELECT value ->> 'stream' FROM jsonb_array_elements(unmoved))
    ORDER BY stream FOR UPDATE;
    IF EXISTS (
        SELECT FROM jsonb_to_recordset(unmoved) AS new (id text, stream text, expected bigint)
        LEFT JOIN streams USING (stream)
        WHERE COALESCE(version, 0) <> expected
        OR EXISTS (SELECT FROM events WHERE events.stream = new.stream AND events.change_id = new.id)
    ) THEN
        PERFORM refuse_chain(unmoved);
    END IF;
END $$;

-- A change that its chain bears already was kept before.
CREATE FUNCTION refuse_chain(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse(CASE WHEN EXISTS (
        SELECT FROM jsonb_to_recordset(changes) AS new (id text, stream text)
        JOIN events ON events.stream = new.stream AND events.change_id = new.id
    ) THEN 'duplicate' ELSE 'version' END);
END $$;

-- The account that remains. It cannot be merged into another one before this transaction ends.
CREATE FUNCTION remaining(account text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    target text;
BEGIN
    SELECT merged_into INTO target FROM accounts WHERE id = account FOR SHARE;
    RETURN COALESCE(target, account);
END $$;

-- Checks the leases under which changes land, and keeps them from ending before.
CREATE FUNCTION check_leases(fences jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM FROM agenda JOIN jsonb_to_recordset(fences) AS fence (key text, token bigint) USING (key, token)
    ORDER BY key FOR UPDATE OF agenda;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done < jsonb_array_length(fences) THEN
        PERFORM refuse('lease');
    END IF;
END $$;

-- Takes seats for requests, if nobody has them at that generation. An unknown seat has the generation 0; a person who
-- leaves is in no app, and of no generation. The account that remains is meant; it cannot be merged into another one before this transaction ends.
CREATE FUNCTION take_seats(takes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fresh bigint;
    known bigint;
BEGIN
    PERFORM FROM accounts WHERE id IN (SELECT value ->> 'account' FROM jsonb_array_elements(takes)) ORDER BY id FOR SHARE;
    INSERT INTO seats (app, account, entitlement, generation, open_request)
    SELECT seat.app, COALESCE(accounts.merged_into, seat.account), seat.entitlement, 0, seat.request
    FROM jsonb_to_recordset(takes) AS seat (app text, account text, entitlement text, generation bigint, request text)
    LEFT JOIN accounts ON accounts.id = seat.account
    WHERE COALESCE(seat.generation, 0) = 0 ORDER BY 1, 2, 3
    ON CONFLICT (app, account, entitlement) DO UPDATE SET open_request = excluded.open_request
    WHERE seats.open_request IS NULL AND (seats.generation = 0 OR seats.app = '');
    GET DIAGNOSTICS fresh = ROW_COUNT;
    IF fresh = jsonb_array_length(takes) THEN
        RETURN;
    END IF;
    UPDATE seats SET open_request = seat.request
    FROM jsonb_to_recordset(takes) AS seat (app text, account text, entitlement text, generation bigint, request text)
    LEFT JOIN accounts ON accounts.id = seat.account
    WHERE seats.app = seat.app AND seats.account = COALESCE(accounts.merged_into, seat.account)
    AND seats.entitlement = seat.entitlement AND seats.open_request IS NULL
    AND seat.generation > 0 AND seats.generation = seat.generation;
    GET DIAGNOSTICS known = ROW_COUNT;
    IF fresh + known < jsonb_array_length(takes) THEN
        PERFORM refuse('seat');
    END IF;
END $$;

-- Frees whatever seats requests have. First it waits for a merge that moves one, or it would miss it.
CREATE FUNCTION release_seats(requests text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM accounts WHERE id IN (SELECT account FROM seats WHERE open_request = ANY (requests)) ORDER BY id FOR SHARE;
    UPDATE seats SET open_request = NULL, generation = generation + 1 WHERE open_request = ANY (requests);
END $$;

-- Adds sweeps, deliveries and answers, all of which must be new; sweeps that are joined must have exactly the expected
-- rows, and answers that are replaced must be held.
CREATE FUNCTION receive(batch jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    missing bigint := 0;
    done bigint;
BEGIN
    IF batch ? 'sweeps' THEN
        INSERT INTO sweeps (id, submitted_by, received_at, row_count, delivery)
        SELECT id, submitted_by, received_at, rows, delivery FROM jsonb_to_recordset(batch -> 'sweeps')
            AS new (id text, submitted_by text, received_at bigint, rows int, delivery text)
        ORDER BY id
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
        missing := missing + jsonb_array_length(batch -> 'sweeps') - done;
    END IF;
    IF batch ? 'joins' THEN
        UPDATE sweeps SET row_count = row_count + new.rows
        FROM jsonb_to_recordset(batch -> 'joins') AS new (id text, "from" int, rows int)
        WHERE sweeps.id = new.id AND row_count = new."from";
        GET DIAGNOSTICS done = ROW_COUNT;
        missing := missing + jsonb_array_length(batch -> 'joins') - done;
    END IF;
    IF batch ? 'deliveries' AND missing = 0 THEN
        INSERT INTO inbound_ids (id, digest, sweep, first_row, received_at)
        SELECT id, digest, sweep, first_row, received_at FROM jsonb_to_recordset(batch -> 'deliveries')
            AS new (id text, digest text, sweep text, first_row int, received_at bigint)
        ORDER BY id
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
        missing := missing + jsonb_array_length(batch -> 'deliveries') - done;
    END IF;
    IF batch ? 'bulks' THEN
        PERFORM add_bulk(value) FROM jsonb_array_elements(batch -> 'bulks');
    END IF;
    IF batch ? 'seals' THEN
        missing := missing + (SELECT count(*) FROM jsonb_array_elements(batch -> 'seals') WHERE NOT seal_sweep(value));
    END IF;
    IF batch ? 'answers' THEN
        missing := missing + add_rows(batch -> 'answers');
    END IF;
    IF batch ? 'released' THEN
        missing := missing + release_rows(batch -> 'released');
    END IF;
    IF missing > 0 THEN
        PERFORM refuse('row');
    END IF;
END $$;

-- How many rows were answered before. In the order of the rows, so that two of these never wait for each other.
CREATE FUNCTION add_rows(added jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    INSERT INTO sweep_rows (sweep, row, status, body)
    SELECT new ->> 0, (new ->> 1)::int, new ->> 2, new ->> 3 FROM jsonb_array_elements(added) AS new
    ORDER BY new ->> 0, (new ->> 1)::int
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN jsonb_array_length(added) - done;
END $$;

-- How many rows were not held. An answer that is not held stays, and so does its row in the count.
CREATE FUNCTION release_rows(released jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM FROM sweep_rows JOIN jsonb_array_elements(released) AS new
        ON sweep_rows.sweep = new ->> 0 AND sweep_rows.row = (new ->> 1)::int
    ORDER BY sweep_rows.sweep, sweep_rows.row FOR UPDATE OF sweep_rows;
    UPDATE sweep_rows SET status = new ->> 2, body = new ->> 3 FROM jsonb_array_elements(released) AS new
    WHERE sweep_rows.sweep = new ->> 0 AND sweep_rows.row = (new ->> 1)::int AND sweep_rows.status = 'held';
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN jsonb_array_length(released) - done;
END $$;

-- The states of requests: `opened` are new, `moved` are there. In the order of the lists come their bodies.
CREATE FUNCTION land_requests(opened jsonb, opened_bodies text[], moved jsonb, moved_bodies text[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF opened IS NOT NULL THEN
        INSERT INTO requests
            (id, state, mode, app, opened_at, closed_at, kept_until, sweep, channel, outcome, cost, currency, decider,
                holder, playbook, body)
        SELECT * FROM ROWS FROM (
            jsonb_to_recordset(opened) AS (id text, state text, mode text, app text, opened_at bigint, closed_at bigint,
                kept_until bigint, sweep text, channel text, outcome text, cost bigint, currency text, decider text,
                holder text, playbook text),
            unnest(opened_bodies));
    END IF;
    IF moved IS NOT NULL THEN
        UPDATE requests
        SET state = new.state, mode = new.mode, closed_at = new.closed_at, kept_until = new.kept_until,
            outcome = new.outcome, decider = new.decider, body = new.body
        FROM ROWS FROM (
            jsonb_to_recordset(moved) AS (id text, state text, mode text, closed_at bigint, kept_until bigint, outcome text,
                decider text),
            unnest(moved_bodies)) AS new (id, state, mode, closed_at, kept_until, outcome, decider, body)
        WHERE requests.id = new.id;
        -- Whoever is asked no more.
        DELETE FROM request_asked USING jsonb_to_recordset(moved) AS new (id text, asked jsonb)
        WHERE request = new.id AND NOT new.asked ? person;
    END IF;
END $$;

-- The tables beside the states, that lists and reports read.
CREATE FUNCTION land_beside(batch jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF batch ? 'asked' THEN
        INSERT INTO request_asked (person, request, state, kept_until)
        SELECT person, request, state, kept_until FROM jsonb_to_recordset(batch -> 'asked')
            AS new (person text, request text, state text, kept_until bigint)
        ON CONFLICT (person, request) DO UPDATE SET state = excluded.state, kept_until = excluded.kept_until
        WHERE (request_asked.state, request_asked.kept_until) IS DISTINCT FROM (excluded.state, excluded.kept_until);
    END IF;
    IF batch ? 'tasks' THEN
        INSERT INTO tasks
            (request, id, position, name, status, attempts, pause, may_have_happened, proof, receipt, updated_at, began_at)
        SELECT *, CASE WHEN attempts > 0 THEN updated_at END FROM jsonb_to_recordset(batch -> 'tasks') AS new (request text, id text, position int, name text,
            status text, attempts int, pause int, may_have_happened boolean, proof text, receipt text, updated_at bigint)
        ON CONFLICT (request, id) DO UPDATE
        SET status = excluded.status, attempts = excluded.attempts, pause = excluded.pause,
            may_have_happened = excluded.may_have_happened, proof = excluded.proof, receipt = excluded.receipt,
            began_at = COALESCE(tasks.began_at, excluded.began_at), updated_at = excluded.updated_at
        WHERE (tasks.status, tasks.attempts, tasks.pause, tasks.may_have_happened) IS DISTINCT FROM
            (excluded.status, excluded.attempts, excluded.pause, excluded.may_have_happened);
    END IF;
    IF batch ? 'unsaved' THEN
        DELETE FROM savings WHERE request IN (SELECT jsonb_array_elements_text(batch -> 'unsaved'));
    END IF;
    IF batch ? 'savings' THEN
        INSERT INTO savings AS known (request, month, app, standing, proof, effective_at, currency, minor)
        SELECT * FROM jsonb_to_recordset(batch -> 'savings') AS new (request text, month text, app text, standing text,
            proof text, effective_at bigint, currency text, minor bigint)
        ON CONFLICT (request) DO UPDATE
        SET month = excluded.month, standing = excluded.standing, proof = excluded.proof,
            effective_at = excluded.effective_at
        WHERE (known.month, known.standing, known.proof, known.effective_at) IS DISTINCT FROM
            (excluded.month, excluded.standing, excluded.proof, excluded.effective_at);
    END IF;
END $$;

-- A card that is there keeps everything, and takes up the requests.
CREATE FUNCTION land_cards(added jsonb, members jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cards (id, approver, sweep, channel, posted, shown, delivered_at, delivered, ambiguous)
    SELECT id, approver, sweep, channel, posted, shown, delivered_at, delivered, ambiguous
    FROM jsonb_to_recordset(added) AS new (id text, approver text, sweep text, channel text, posted text, shown text,
        delivered_at bigint, delivered int, ambiguous boolean)
    ORDER BY id
    ON CONFLICT DO NOTHING;
    INSERT INTO card_requests (card, request)
    SELECT card, request FROM jsonb_to_recordset(members) AS new (card text, request text) ORDER BY card, request
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION land_texts(added jsonb, bodies text[], subjects jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO texts (id, salt, body)
    SELECT * FROM ROWS FROM (jsonb_to_recordset(added) AS (id text, salt text), unnest(bodies))
    ON CONFLICT DO NOTHING;
    IF subjects IS NOT NULL THEN
        INSERT INTO text_subjects (person, text)
        SELECT person, text FROM jsonb_to_recordset(subjects) AS new (person text, text text)
        ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- Lands changes: 'committed', or what one of them collides with, and then none of them leaves anything behind. Each check
-- is made by the write, or under the lock, that it guards. It bears its own search path, so that it can be called in a
-- transaction of whoever embeds the gate. Whatever it reads, it reads by key, by plans that are made once.
CREATE FUNCTION commit_together(
    batch jsonb, opened_bodies text[], moved_bodies text[], event_bodies text[], text_bodies text[]
) RETURNS text LANGUAGE plpgsql SET search_path FROM CURRENT
SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
    PERFORM advance(batch);
    IF batch ? 'fences' THEN
        PERFORM check_leases(batch -> 'fences');
    END IF;
    IF batch ? 'takes' THEN
        PERFORM take_seats(batch -> 'takes');
    END IF;
    IF batch ? 'leavers' THEN
        PERFORM take_seats(batch -> 'leavers');
    END IF;
    IF batch ? 'quiet' THEN
        -- Rare: what was undone, or closed in silence.
        UPDATE seats SET quiet_until = (quiet ->> 1)::bigint FROM jsonb_array_elements(batch -> 'quiet') AS list (quiet)
        WHERE open_request = quiet ->> 0;
    END IF;
    IF batch ? 'releases' THEN
        PERFORM release_seats(ARRAY(SELECT jsonb_array_elements_text(batch -> 'releases')));
    END IF;
    IF batch ?| '{sweeps,bulks,seals,joins,deliveries,answers,released}' THEN
        PERFORM receive(batch);
    END IF;
    IF batch ? 'events' THEN
        INSERT INTO events (stream, seq, change_id, kind, at, hash, body)
        SELECT * FROM ROWS FROM (
            jsonb_to_recordset(batch -> 'events')
                AS (stream text, seq bigint, change text, kind text, at bigint, hash text),
            unnest(event_bodies));
    END IF;
    IF batch ?| '{opened,moved}' THEN
        PERFORM land_requests(batch -> 'opened', opened_bodies, batch -> 'moved', moved_bodies);
        PERFORM land_beside(batch);
    END IF;
    IF batch ? 'texts' THEN
        PERFORM land_texts(batch -> 'texts', text_bodies, batch -> 'subjects');
    END IF;
    IF batch ? 'cards' THEN
        PERFORM land_cards(batch -> 'cards', batch -> 'members');
    END IF;
    IF batch ?| '{wanted,replaced,removed,held,settled,edits}' THEN
        PERFORM edit_agenda(batch, lease_clock((batch ->> 'now')::bigint));
    END IF;
    IF batch ? 'directory' THEN
        PERFORM edit_directory(batch -> 'directory');
    END IF;
    IF batch ? 'lanes' THEN
        PERFORM report_lanes(batch -> 'lanes');
    END IF;
    RETURN 'committed';
EXCEPTION WHEN SQLSTATE 'SG001' THEN
    RETURN SQLERRM;
END $$;
