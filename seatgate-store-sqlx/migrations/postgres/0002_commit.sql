-- Every write is one call of a function: one round trip, one transaction, and each of its statements sees what was
-- committed before it began. `commit_changes` bears its own search path, so that it can be called in a transaction of
-- whoever embeds the gate. A later release that needs another function gives it another name: servers of this release
-- may still be running.

-- Lengthens the change's chain: nothing, or why not. Appending nothing needs the right length only.
CREATE FUNCTION advance(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    length bigint;
    moved boolean := false;
BEGIN
    IF change ->> 'head' IS NOT NULL AND (change ->> 'expected')::bigint = 0 THEN
        INSERT INTO streams (stream, version, head)
        VALUES (change ->> 'stream', (change ->> 'version')::bigint, change ->> 'head')
        ON CONFLICT DO NOTHING;
        moved := FOUND;
    ELSE
        -- Waits for whoever lengthens the chain at the same time.
        SELECT version INTO length FROM streams WHERE stream = change ->> 'stream' FOR UPDATE;
        IF COALESCE(length, 0) = (change ->> 'expected')::bigint AND NOT is_known(change) THEN
            UPDATE streams SET version = (change ->> 'version')::bigint, head = change ->> 'head'
            WHERE stream = change ->> 'stream' AND change ->> 'head' IS NOT NULL;
            moved := true;
        END IF;
    END IF;
    RETURN CASE WHEN moved THEN NULL WHEN is_known(change) THEN 'duplicate' ELSE 'version' END;
END $$;

CREATE FUNCTION is_known(change jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN EXISTS (SELECT FROM events WHERE stream = change ->> 'stream' AND change_id = change ->> 'id');
END $$;

-- The account that remains. It cannot be merged into another one before this transaction ends.
CREATE FUNCTION remaining(account text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    target text;
BEGIN
    SELECT merged_into INTO target FROM accounts WHERE id = account FOR SHARE;
    RETURN COALESCE(target, account);
END $$;

-- Whether nobody has the seat at that generation; then the request has it. An unknown seat has the generation 0.
CREATE FUNCTION take_seat(seat jsonb, request text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    holder text := remaining(seat ->> 'account');
BEGIN
    IF (seat ->> 'generation')::bigint = 0 THEN
        INSERT INTO seats (app, account, entitlement, generation, open_request)
        VALUES (seat ->> 'app', holder, seat ->> 'entitlement', 0, request)
        ON CONFLICT (app, account, entitlement) DO UPDATE SET open_request = excluded.open_request
        WHERE seats.open_request IS NULL AND seats.generation = 0;
    ELSE
        UPDATE seats SET open_request = request
        WHERE app = seat ->> 'app' AND account = holder AND entitlement = seat ->> 'entitlement'
        AND open_request IS NULL AND generation = (seat ->> 'generation')::bigint;
    END IF;
    RETURN FOUND;
END $$;

-- Frees whatever seat the request has. First it waits for a merge that moves the seat, or it would miss it.
CREATE FUNCTION release_seat(request text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM remaining(account) FROM seats WHERE open_request = request;
    UPDATE seats SET open_request = NULL, generation = generation + 1 WHERE open_request = request;
END $$;

-- Whether the sweep and its delivery, if it has one, are new.
CREATE FUNCTION add_sweep(sweep jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sweeps (id, submitted_by, received_at, row_count, delivery)
    VALUES (sweep ->> 'id', sweep ->> 'submitted_by', (sweep ->> 'received_at')::bigint, (sweep ->> 'rows')::int,
        sweep -> 'inbound' ->> 'id')
    ON CONFLICT DO NOTHING;
    RETURN FOUND AND add_delivery(sweep);
END $$;

-- Whether the sweep has exactly the expected rows, and the delivery is new.
CREATE FUNCTION join_sweep(joined jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sweeps SET row_count = row_count + (joined ->> 'rows')::int
    WHERE id = joined ->> 'id' AND row_count = (joined ->> 'from')::int;
    RETURN FOUND AND add_delivery(joined);
END $$;

CREATE FUNCTION add_delivery(sweep jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF sweep ->> 'inbound' IS NULL THEN
        RETURN true;
    END IF;
    INSERT INTO inbound_ids (id, digest, sweep, first_row, received_at)
    VALUES (sweep -> 'inbound' ->> 'id', sweep -> 'inbound' ->> 'digest', sweep ->> 'id',
        (sweep -> 'inbound' ->> 'first_row')::int, (sweep ->> 'received_at')::bigint)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- Whether no row was answered before. In the order of the rows, so that two of these never wait for each other.
CREATE FUNCTION add_rows(added jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    count bigint;
BEGIN
    INSERT INTO sweep_rows (sweep, row, status, body)
    SELECT new ->> 0, (new ->> 1)::int, new ->> 2, new ->> 3 FROM jsonb_array_elements(added) AS new
    ORDER BY new ->> 0, (new ->> 1)::int
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count = jsonb_array_length(added);
END $$;

-- Whether every row was held. An answer that is not held stays, and so does its row in the count.
CREATE FUNCTION release_rows(released jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    count bigint;
BEGIN
    PERFORM FROM sweep_rows JOIN jsonb_array_elements(released) AS new
        ON sweep_rows.sweep = new ->> 0 AND sweep_rows.row = (new ->> 1)::int
    ORDER BY sweep_rows.sweep, sweep_rows.row FOR UPDATE OF sweep_rows;
    UPDATE sweep_rows SET status = new ->> 2, body = new ->> 3 FROM jsonb_array_elements(released) AS new
    WHERE sweep_rows.sweep = new ->> 0 AND sweep_rows.row = (new ->> 1)::int AND sweep_rows.status = 'held';
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count = jsonb_array_length(released);
END $$;

-- What the change collides with beside its stream's version; nothing, if all is as it expects. Each check is made by the
-- write, or under the lock, that it guards.
CREATE FUNCTION conflict(change jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF change ->> 'fence' IS NOT NULL THEN
        PERFORM FROM agenda
        WHERE key = change -> 'fence' ->> 'key' AND token = (change -> 'fence' ->> 'token')::bigint FOR UPDATE;
        IF NOT FOUND THEN
            RETURN 'lease';
        END IF;
    END IF;
    IF change ->> 'take' IS NOT NULL AND NOT take_seat(change -> 'take', change ->> 'seat_request') THEN
        RETURN 'seat';
    END IF;
    IF (change ->> 'release')::boolean THEN
        PERFORM release_seat(change ->> 'seat_request');
    END IF;
    IF change ->> 'sweep' IS NOT NULL AND NOT add_sweep(change -> 'sweep')
        OR change ->> 'join' IS NOT NULL AND NOT join_sweep(change -> 'join')
        OR jsonb_array_length(change -> 'rows') > 0 AND NOT add_rows(change -> 'rows')
        OR jsonb_array_length(change -> 'released') > 0 AND NOT release_rows(change -> 'released')
    THEN
        RETURN 'row';
    END IF;
    RETURN NULL;
END $$;

-- The request's state, and the tables beside it that lists and reports read.
CREATE FUNCTION land_request(new jsonb, asked jsonb, done jsonb, saving jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    this text := new ->> 'id';
BEGIN
    INSERT INTO requests
        (id, state, mode, app, opened_at, closed_at, kept_until, sweep, channel, outcome, cost, currency, decider, body)
    VALUES (this, new ->> 'state', new ->> 'mode', new ->> 'app', (new ->> 'opened_at')::bigint,
        (new ->> 'closed_at')::bigint, (new ->> 'kept_until')::bigint, new ->> 'sweep', new ->> 'channel',
        new ->> 'outcome', (new ->> 'cost')::bigint, new ->> 'currency', new ->> 'decider', new ->> 'body')
    ON CONFLICT (id) DO UPDATE
    SET state = excluded.state, mode = excluded.mode, closed_at = excluded.closed_at, kept_until = excluded.kept_until,
        outcome = excluded.outcome, decider = excluded.decider, body = excluded.body;

    DELETE FROM request_asked
    WHERE request = this AND person NOT IN (SELECT jsonb_array_elements_text(asked));
    INSERT INTO request_asked (person, request, state, kept_until)
    SELECT DISTINCT person, this, new ->> 'state', (new ->> 'kept_until')::bigint
    FROM jsonb_array_elements_text(asked) AS person
    ON CONFLICT (person, request) DO UPDATE SET state = excluded.state, kept_until = excluded.kept_until
    WHERE (request_asked.state, request_asked.kept_until) IS DISTINCT FROM (excluded.state, excluded.kept_until);

    IF jsonb_array_length(done) > 0 THEN
        INSERT INTO tasks
            (request, id, position, name, status, attempts, pause, may_have_happened, proof, receipt, updated_at)
        SELECT this, task ->> 'id', place - 1, task ->> 'name', task ->> 'status', (task ->> 'attempts')::int,
            (task ->> 'pause')::int, (task ->> 'may_have_happened')::boolean, task ->> 'proof', task ->> 'receipt',
            (task ->> 'updated_at')::bigint
        FROM jsonb_array_elements(done) WITH ORDINALITY AS list (task, place)
        ON CONFLICT (request, id) DO UPDATE
        SET status = excluded.status, attempts = excluded.attempts, pause = excluded.pause,
            may_have_happened = excluded.may_have_happened, proof = excluded.proof, receipt = excluded.receipt,
            updated_at = excluded.updated_at
        WHERE (tasks.status, tasks.attempts, tasks.pause, tasks.may_have_happened) IS DISTINCT FROM
            (excluded.status, excluded.attempts, excluded.pause, excluded.may_have_happened);
    END IF;

    IF saving ->> 'month' IS NULL THEN
        DELETE FROM savings WHERE request = this;
    ELSE
        INSERT INTO savings (request, month, app, standing, proof, effective_at, currency, minor)
        VALUES (this, saving ->> 'month', saving ->> 'app', saving ->> 'standing', saving ->> 'proof',
            (saving ->> 'effective_at')::bigint, saving ->> 'currency', (saving ->> 'minor')::bigint)
        ON CONFLICT (request) DO UPDATE
        SET month = excluded.month, standing = excluded.standing, proof = excluded.proof,
            effective_at = excluded.effective_at;
    END IF;
END $$;

-- A card that is there keeps everything, and takes up the requests.
CREATE FUNCTION land_cards(added jsonb, members jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO cards (id, approver, sweep, channel, posted, shown, delivered_at, delivered, ambiguous)
    SELECT card ->> 'id', card ->> 'approver', card ->> 'sweep', card ->> 'channel', card ->> 'posted', card ->> 'shown',
        (card ->> 'delivered_at')::bigint, (card ->> 'delivered')::int, (card ->> 'ambiguous')::boolean
    FROM jsonb_array_elements(added) AS card ORDER BY card ->> 'id'
    ON CONFLICT DO NOTHING;
    INSERT INTO card_requests (card, request)
    SELECT member ->> 'card', member ->> 'request' FROM jsonb_array_elements(members) AS member
    ORDER BY member ->> 'card', member ->> 'request'
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION land_texts(added jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO texts (id, salt, body)
    SELECT new ->> 'id', new ->> 'salt', new ->> 'body' FROM jsonb_array_elements(added) AS new
    ON CONFLICT DO NOTHING;
    INSERT INTO text_subjects (person, text)
    SELECT person, new ->> 'id'
    FROM jsonb_array_elements(added) AS new, jsonb_array_elements_text(new -> 'about') AS person
    ON CONFLICT DO NOTHING;
END $$;

-- Everything that a change appends and overwrites, once its checks have passed.
CREATE FUNCTION land(change jsonb, lease_now bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events (stream, seq, change_id, kind, at, hash, body)
    SELECT change ->> 'stream', (entry ->> 'seq')::bigint, entry ->> 'change', entry ->> 'kind',
        (entry ->> 'at')::bigint, entry ->> 'hash', entry ->> 'body'
    FROM jsonb_array_elements(change -> 'events') AS entry;
    IF change ->> 'request' IS NOT NULL THEN
        PERFORM land_request(change -> 'request', change -> 'asked', change -> 'tasks', change -> 'saving');
    END IF;
    IF jsonb_array_length(change -> 'texts') > 0 THEN
        PERFORM land_texts(change -> 'texts');
    END IF;
    IF jsonb_array_length(change -> 'cards') > 0 THEN
        PERFORM land_cards(change -> 'cards', change -> 'members');
    END IF;
    PERFORM edit_agenda(change -> 'agenda', change -> 'fence' ->> 'key', lease_now);
    PERFORM report_lane(change -> 'lane');
END $$;

-- One change: 'committed', 'duplicate', or what it collides with. One that collides leaves nothing behind.
CREATE FUNCTION commit_change(change jsonb, lease_now bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    answer := advance(change);
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    answer := conflict(change);
    IF answer IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'SG001', MESSAGE = answer;
    END IF;
    PERFORM land(change, lease_now);
    RETURN 'committed';
EXCEPTION WHEN SQLSTATE 'SG001' THEN
    RETURN answer;
END $$;

-- Changes one after the other, each answered on its own, in order.
CREATE FUNCTION commit_changes(changes jsonb, given_now bigint) RETURNS text[] LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    change jsonb;
    answers text[] := '{}';
BEGIN
    FOR change IN SELECT value FROM jsonb_array_elements(changes) WITH ORDINALITY ORDER BY ordinality LOOP
        answers := answers || commit_change(change, lease_clock(given_now));
    END LOOP;
    RETURN answers;
END $$;
