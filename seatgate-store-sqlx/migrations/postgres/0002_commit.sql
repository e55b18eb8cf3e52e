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
    RETURN FOUND AND add_delivery(sweep) AND add_bulk(sweep);
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
        OR change ->> 'seal' IS NOT NULL AND NOT seal_sweep(change -> 'seal')
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

-- Leaves the fast way: something is not as most changes find it, and each change has to be looked at by itself.
CREATE FUNCTION one_by_one() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'SG002', MESSAGE = 'one by one';
END $$;

-- Lengthens all chains, in the order of their names.
CREATE FUNCTION advance_all(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    moved bigint;
    more bigint;
BEGIN
    INSERT INTO streams (stream, version, head)
    SELECT stream, version, head
    FROM jsonb_to_recordset(changes) AS change (stream text, expected bigint, version bigint, head text)
    WHERE expected = 0 AND head IS NOT NULL ORDER BY stream
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved < jsonb_array_length(changes) THEN
        PERFORM FROM streams WHERE stream IN (SELECT value ->> 'stream' FROM jsonb_array_elements(changes))
        ORDER BY stream FOR UPDATE;
        UPDATE streams SET version = change.version, head = change.head
        FROM jsonb_to_recordset(changes) AS change (id text, stream text, expected bigint, version bigint, head text)
        WHERE streams.stream = change.stream AND streams.version = change.expected AND change.expected > 0
        AND change.head IS NOT NULL
        AND NOT EXISTS (SELECT FROM events WHERE events.stream = change.stream AND events.change_id = change.id);
        GET DIAGNOSTICS more = ROW_COUNT;
    END IF;
    -- A chain that grew, a change that is known, or two changes of one chain.
    IF moved + COALESCE(more, 0) < jsonb_array_length(changes) THEN
        PERFORM one_by_one();
    END IF;
END $$;

-- Checks the leases and moves the seats of all.
CREATE FUNCTION take_all(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fences jsonb := jsonb_path_query_array(changes, '$[*].fence ? (@ != null)');
    takes jsonb := jsonb_path_query_array(changes, '$[*] ? (@.take != null)');
    releases text[];
    done bigint;
BEGIN
    IF jsonb_array_length(fences) > 0 THEN
        PERFORM FROM agenda JOIN jsonb_to_recordset(fences) AS fence (key text, token bigint) USING (key, token)
        ORDER BY key FOR UPDATE OF agenda;
        GET DIAGNOSTICS done = ROW_COUNT;
        IF done < jsonb_array_length(fences) THEN
            PERFORM one_by_one();
        END IF;
    END IF;
    IF jsonb_array_length(takes) > 0 THEN
        PERFORM FROM accounts WHERE id IN (SELECT value -> 'take' ->> 'account' FROM jsonb_array_elements(takes))
        ORDER BY id FOR SHARE;
        INSERT INTO seats (app, account, entitlement, generation, open_request)
        SELECT seat.app, COALESCE(accounts.merged_into, seat.account), seat.entitlement, 0, value ->> 'seat_request'
        FROM jsonb_array_elements(takes), jsonb_to_record(value -> 'take')
            AS seat (app text, account text, entitlement text, generation bigint)
        LEFT JOIN accounts ON accounts.id = seat.account
        WHERE seat.generation = 0 ORDER BY 1, 2, 3
        ON CONFLICT (app, account, entitlement) DO UPDATE SET open_request = excluded.open_request
        WHERE seats.open_request IS NULL AND seats.generation = 0;
        GET DIAGNOSTICS done = ROW_COUNT;
        -- Seats that were asked about before are rare.
        IF done < jsonb_array_length(takes) THEN
            PERFORM one_by_one();
        END IF;
    END IF;
    SELECT array_agg(value ->> 'seat_request') INTO releases
    FROM jsonb_array_elements(changes) WHERE (value ->> 'release')::boolean;
    IF releases IS NOT NULL THEN
        PERFORM FROM accounts WHERE id IN (SELECT account FROM seats WHERE open_request = ANY (releases))
        ORDER BY id FOR SHARE;
        UPDATE seats SET open_request = NULL, generation = generation + 1 WHERE open_request = ANY (releases);
    END IF;
END $$;

-- Adds the sweeps, deliveries and answers of all.
CREATE FUNCTION receive_all(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    sweeps_new jsonb := jsonb_path_query_array(changes, '$[*].sweep ? (@ != null)');
    inbound jsonb := jsonb_path_query_array(sweeps_new, '$[*] ? (@.inbound != null)');
    answers jsonb := jsonb_path_query_array(changes, '$[*].rows[*]');
    wanted bigint := jsonb_array_length(sweeps_new) + jsonb_array_length(inbound) + jsonb_array_length(answers);
    done bigint;
BEGIN
    IF jsonb_array_length(sweeps_new) > 0 THEN
        INSERT INTO sweeps (id, submitted_by, received_at, row_count, delivery)
        SELECT new.id, new.submitted_by, new.received_at, new.rows, new.inbound ->> 'id'
        FROM jsonb_to_recordset(sweeps_new)
            AS new (id text, submitted_by text, received_at bigint, rows int, inbound jsonb)
        ORDER BY new.id
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
        wanted := wanted - done;
    END IF;
    IF jsonb_array_length(inbound) > 0 THEN
        INSERT INTO inbound_ids (id, digest, sweep, first_row, received_at)
        SELECT delivery.id, delivery.digest, value ->> 'id', delivery.first_row, (value ->> 'received_at')::bigint
        FROM jsonb_array_elements(inbound),
            jsonb_to_record(value -> 'inbound') AS delivery (id text, digest text, first_row int)
        ORDER BY delivery.id
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
        wanted := wanted - done;
    END IF;
    IF jsonb_array_length(answers) > 0 THEN
        INSERT INTO sweep_rows (sweep, row, status, body)
        SELECT new ->> 0, (new ->> 1)::int, new ->> 2, new ->> 3 FROM jsonb_array_elements(answers) AS new
        ORDER BY new ->> 0, (new ->> 1)::int
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS done = ROW_COUNT;
        wanted := wanted - done;
    END IF;
    IF wanted > 0 THEN
        PERFORM one_by_one();
    END IF;
END $$;

-- The states of all, and the tables beside them.
CREATE FUNCTION land_requests(changes jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    states jsonb := jsonb_path_query_array(changes, '$[*] ? (@.request != null)');
    done jsonb := jsonb_path_query_array(states, '$[*] ? (@.tasks.size() > 0)');
    saved jsonb := jsonb_path_query_array(states, '$[*] ? (@.saving != null)');
BEGIN
    INSERT INTO requests
        (id, state, mode, app, opened_at, closed_at, kept_until, sweep, channel, outcome, cost, currency, decider, body)
    SELECT new.*
    FROM jsonb_array_elements(states) AS list (change), jsonb_to_record(change -> 'request')
        AS new (id text, state text, mode text, app text, opened_at bigint, closed_at bigint, kept_until bigint, sweep text,
            channel text, outcome text, cost bigint, currency text, decider text, body text)
    ON CONFLICT (id) DO UPDATE
    SET state = excluded.state, mode = excluded.mode, closed_at = excluded.closed_at, kept_until = excluded.kept_until,
        outcome = excluded.outcome, decider = excluded.decider, body = excluded.body;

    DELETE FROM request_asked USING jsonb_array_elements(states) AS list (change)
    WHERE request = change -> 'request' ->> 'id' AND NOT change -> 'asked' ? person AND (change ->> 'expected')::bigint > 0;
    INSERT INTO request_asked (person, request, state, kept_until)
    SELECT DISTINCT person, change -> 'request' ->> 'id', change -> 'request' ->> 'state',
        (change -> 'request' ->> 'kept_until')::bigint
    FROM jsonb_array_elements(states) AS list (change), jsonb_array_elements_text(change -> 'asked') AS person
    ON CONFLICT (person, request) DO UPDATE SET state = excluded.state, kept_until = excluded.kept_until
    WHERE (request_asked.state, request_asked.kept_until) IS DISTINCT FROM (excluded.state, excluded.kept_until);

    IF jsonb_array_length(done) > 0 THEN
        INSERT INTO tasks
            (request, id, position, name, status, attempts, pause, may_have_happened, proof, receipt, updated_at)
        SELECT change -> 'request' ->> 'id', task.id, place - 1, task.name, task.status, task.attempts, task.pause,
            task.may_have_happened, task.proof, task.receipt, task.updated_at
        FROM jsonb_array_elements(done) AS list (change), jsonb_array_elements(change -> 'tasks') WITH ORDINALITY AS entries (entry, place),
            jsonb_to_record(entry) AS task (id text, name text, status text, attempts int, pause int,
                may_have_happened boolean, proof text, receipt text, updated_at bigint)
        ON CONFLICT (request, id) DO UPDATE
        SET status = excluded.status, attempts = excluded.attempts, pause = excluded.pause,
            may_have_happened = excluded.may_have_happened, proof = excluded.proof, receipt = excluded.receipt,
            updated_at = excluded.updated_at
        WHERE (tasks.status, tasks.attempts, tasks.pause, tasks.may_have_happened) IS DISTINCT FROM
            (excluded.status, excluded.attempts, excluded.pause, excluded.may_have_happened);
    END IF;

    DELETE FROM savings USING jsonb_array_elements(states) AS list (change)
    WHERE request = change -> 'request' ->> 'id' AND change ->> 'saving' IS NULL AND (change ->> 'expected')::bigint > 0;
    IF jsonb_array_length(saved) > 0 THEN
        INSERT INTO savings AS known (request, month, app, standing, proof, effective_at, currency, minor)
        SELECT change -> 'request' ->> 'id', new.*
        FROM jsonb_array_elements(saved) AS list (change), jsonb_to_record(change -> 'saving') AS new (month text, app text,
            standing text, proof text, effective_at bigint, currency text, minor bigint)
        ON CONFLICT (request) DO UPDATE
        SET month = excluded.month, standing = excluded.standing, proof = excluded.proof,
            effective_at = excluded.effective_at
        WHERE (known.month, known.standing, known.proof, known.effective_at) IS DISTINCT FROM
            (excluded.month, excluded.standing, excluded.proof, excluded.effective_at);
    END IF;
END $$;

-- All changes at once: a statement a table, and so much less work a change. Where one of them collides, or they want the
-- same thing in an order that counts, nothing is done.
CREATE FUNCTION land_all(changes jsonb, lease_now bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    added jsonb;
BEGIN
    IF jsonb_path_exists(changes, '$[*] ? (@.head == null || @.join != null || @.seal != null || @.sweep.bulk != null || @.released.size() > 0)') THEN
        PERFORM one_by_one();
    END IF;
    PERFORM advance_all(changes);
    PERFORM take_all(changes);
    PERFORM receive_all(changes);
    INSERT INTO events (stream, seq, change_id, kind, at, hash, body)
    SELECT value ->> 'stream', new.*
    FROM jsonb_array_elements(changes), jsonb_to_recordset(value -> 'events')
        AS new (seq bigint, change text, kind text, at bigint, hash text, body text);
    PERFORM land_requests(changes);
    added := jsonb_path_query_array(changes, '$[*].texts[*]');
    IF jsonb_array_length(added) > 0 THEN
        PERFORM land_texts(added);
    END IF;
    added := jsonb_path_query_array(changes, '$[*].cards[*]');
    IF jsonb_array_length(added) > 0 THEN
        PERFORM land_cards(added, jsonb_path_query_array(changes, '$[*].members[*]'));
    END IF;
    PERFORM edit_agenda_all(changes, lease_now);
    PERFORM report_lanes(jsonb_path_query_array(changes, '$[*].lane ? (@ != null)'));
END $$;

-- Changes, each answered on its own, in order: all at once if nothing stands in the way, or else one after the other.
CREATE FUNCTION commit_changes(changes jsonb, given_now bigint) RETURNS text[] LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    change jsonb;
    answers text[] := '{}';
BEGIN
    BEGIN
        PERFORM land_all(changes, lease_clock(given_now));
        RETURN array_fill('committed'::text, ARRAY[jsonb_array_length(changes)]);
    EXCEPTION WHEN SQLSTATE 'SG002' OR cardinality_violation THEN
        NULL;
    END;
    FOR change IN SELECT value FROM jsonb_array_elements(changes) WITH ORDINALITY ORDER BY ordinality LOOP
        answers := answers || commit_change(change, lease_clock(given_now));
    END LOOP;
    RETURN answers;
END $$;
