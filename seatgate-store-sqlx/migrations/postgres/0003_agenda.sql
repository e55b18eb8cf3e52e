-- The clock by which leases are judged: the database's, for all servers alike, unless a test brings its own.
CREATE FUNCTION lease_clock(given_now bigint) RETURNS bigint LANGUAGE sql AS $$
    SELECT COALESCE(given_now, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
$$;

-- Puts an item on the agenda. One that coalesces is due at the earlier time and wanted once more, and its lease stays;
-- any other is replaced whole, and its lease ends.
CREATE FUNCTION schedule(edit jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO agenda AS known (key, item, due, lane, gated)
    VALUES (edit ->> 'key', edit ->> 'item', (edit ->> 'due')::bigint, edit ->> 'lane', (edit ->> 'gated')::boolean)
    ON CONFLICT (key) DO UPDATE
    SET (item, due, lane, gated, wanted, tries, token, lease_until) = (
        SELECT known.item, least(known.due, excluded.due), known.lane, known.gated, known.wanted + 1, known.tries,
            known.token, known.lease_until
        WHERE (edit ->> 'coalesces')::boolean
        UNION ALL
        SELECT excluded.item, excluded.due, excluded.lane, excluded.gated, 1, 0, NULL, NULL
        WHERE NOT (edit ->> 'coalesces')::boolean);
END $$;

-- Ends the lease on an item that is there under this token; false if none is. What was wanted meanwhile keeps the item,
-- and its due time.
CREATE FUNCTION settle_item(this text, under bigint, settled jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    claimed bigint := (settled ->> 'wanted')::bigint;
BEGIN
    IF settled ->> 'next' = 'done' THEN
        DELETE FROM agenda WHERE key = this AND token = under AND wanted = claimed;
        IF FOUND THEN
            RETURN true;
        END IF;
    END IF;
    UPDATE agenda
    SET due = CASE WHEN wanted = claimed THEN (settled ->> 'due')::bigint ELSE due END,
        tries = CASE WHEN settled ->> 'next' = 'retry' THEN tries + 1 ELSE 0 END, token = NULL, lease_until = NULL
    WHERE key = this AND token = under;
    RETURN FOUND;
END $$;

-- Edits, in their order. A `settle` counts only for the item whose fence the change has passed.
CREATE FUNCTION edit_agenda(edits jsonb, fenced text, lease_now bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    edit jsonb;
BEGIN
    FOR edit IN SELECT value FROM jsonb_array_elements(edits) WITH ORDINALITY ORDER BY ordinality LOOP
        CASE edit ->> 'edit'
            WHEN 'schedule' THEN
                PERFORM schedule(edit);
            WHEN 'remove' THEN
                DELETE FROM agenda WHERE key = edit ->> 'key';
            WHEN 'hold' THEN
                UPDATE agenda SET lease_until = lease_now + (edit ->> 'lease')::bigint, gated = false
                WHERE key = edit ->> 'key';
            WHEN 'settle' THEN
                PERFORM settle_item(key, token, edit) FROM agenda WHERE key = edit ->> 'key' AND key = fenced;
        END CASE;
    END LOOP;
END $$;

-- What an attempt says about its lane. A closing that still runs stands.
CREATE FUNCTION report_lane(report jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF report ->> 'closed_until' IS NOT NULL THEN
        INSERT INTO lanes AS known (lane, not_before, failures)
        VALUES (report ->> 'lane', (report ->> 'closed_until')::bigint, 1)
        ON CONFLICT (lane) DO UPDATE
        SET not_before = greatest(known.not_before, excluded.not_before), failures = known.failures + 1;
    ELSIF report ->> 'lane' IS NOT NULL THEN
        UPDATE lanes SET failures = 0 WHERE lane = report ->> 'lane' AND failures <> 0;
    END IF;
END $$;

-- Whether the card is still as it was read; then it is as it was handed in.
CREATE FUNCTION keep_card(card jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    UPDATE cards
    SET posted = card ->> 'posted', copies = card ->> 'copies', shown = card ->> 'shown',
        delivered_at = (card ->> 'delivered_at')::bigint, delivered = (card ->> 'delivered')::int,
        page = (card ->> 'page')::int, ambiguous = (card ->> 'ambiguous')::boolean, version = version + 1
    WHERE id = card ->> 'id' AND version = (card ->> 'version')::bigint;
    RETURN FOUND;
END $$;

-- One settlement: 'settled', 'lost', or 'again' where its card has changed since it was read. Only the first leaves
-- anything behind.
CREATE FUNCTION settle(settled jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    wake jsonb;
BEGIN
    IF NOT settle_item(settled ->> 'key', (settled ->> 'token')::bigint, settled) THEN
        RETURN 'lost';
    END IF;
    IF settled ->> 'card' IS NOT NULL AND NOT keep_card(settled -> 'card') THEN
        RAISE EXCEPTION USING ERRCODE = 'SG001', MESSAGE = 'the card has changed';
    END IF;
    FOR wake IN SELECT value FROM jsonb_array_elements(settled -> 'wakes') WITH ORDINALITY ORDER BY ordinality LOOP
        PERFORM schedule(wake);
    END LOOP;
    IF jsonb_array_length(settled -> 'texts') > 0 THEN
        PERFORM land_texts(settled -> 'texts');
    END IF;
    PERFORM report_lane(settled -> 'lane');
    RETURN 'settled';
EXCEPTION WHEN SQLSTATE 'SG001' THEN
    RETURN 'again';
END $$;

-- Settlements one after the other, each answered on its own, in order.
CREATE FUNCTION settle_all(settlements jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    settled jsonb;
    answers text[] := '{}';
BEGIN
    FOR settled IN SELECT value FROM jsonb_array_elements(settlements) WITH ORDINALITY ORDER BY ordinality LOOP
        answers := answers || settle(settled);
    END LOOP;
    RETURN answers;
END $$;

-- What a viewer does to a card, and the sync that follows; false where the card has changed since it was read.
CREATE FUNCTION edit_card(card jsonb, sync jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF NOT keep_card(card) THEN
        RETURN false;
    END IF;
    PERFORM schedule(sync);
    RETURN true;
END $$;

-- The keys of what may be claimed, the earliest first.
--
-- However long the queues are, only the head of each is looked at: `names` steps from lane to lane in the index, and of
-- each lane at most `most` items are ordered against the others.
CREATE FUNCTION free_items(asked jsonb, caller_now bigint, lease_now bigint) RETURNS SETOF text LANGUAGE sql AS $$
    WITH RECURSIVE names (lane) AS (
        (SELECT lane FROM agenda WHERE lane IS NOT NULL ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (SELECT next.lane FROM agenda AS next WHERE next.lane > names.lane ORDER BY next.lane LIMIT 1)
        FROM names WHERE names.lane IS NOT NULL
    ), leased AS (
        SELECT lane, count(*) AS items FROM agenda WHERE lease_until > lease_now GROUP BY lane
    ), caps AS (
        SELECT key AS lane, value::bigint AS cap FROM jsonb_each_text(asked -> 'caps')
    ), head AS (
        SELECT names.lane, queue.key, queue.due,
            row_number() OVER (PARTITION BY names.lane ORDER BY queue.due, queue.key) AS place
        FROM names LEFT JOIN lanes ON lanes.lane = names.lane CROSS JOIN LATERAL (
            SELECT agenda.key, agenda.due FROM agenda
            WHERE agenda.lane = names.lane AND due <= caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
            AND NOT (gated AND (COALESCE(not_before, caller_now) > caller_now
                OR NOT (asked ->> 'removals_open')::boolean AND names.lane LIKE 'removals/%'))
            ORDER BY due, key LIMIT (asked ->> 'most')::bigint) AS queue
    ), free AS (
        SELECT head.key, head.due FROM head
        LEFT JOIN leased ON leased.lane = head.lane LEFT JOIN caps ON caps.lane = head.lane
        WHERE place + COALESCE(items, 0) <= COALESCE(cap, (asked ->> 'per_lane')::bigint)
        UNION ALL
        (SELECT key, due FROM agenda
        WHERE lane IS NULL AND due <= caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
        ORDER BY due, key LIMIT (asked ->> 'limit')::bigint)
    )
    SELECT key FROM free ORDER BY due, key LIMIT (asked ->> 'limit')::bigint
$$;

-- The earliest of what no lease, no mode and no closed lane holds; and of what only a closed lane holds. Apart, so that
-- the first is one step in the index by due time, and the second one step a closed lane in the index by lane.
CREATE FUNCTION next_due(caller_now bigint, lease_now bigint, removals_open boolean) RETURNS bigint LANGUAGE sql AS $$
    SELECT least((
        SELECT due FROM agenda
        WHERE (lease_until IS NULL OR lease_until <= lease_now)
        AND NOT (gated AND lane IS NOT NULL AND (NOT removals_open AND lane LIKE 'removals/%'
            OR lane IN (SELECT lane FROM lanes WHERE not_before > caller_now)))
        ORDER BY due LIMIT 1
    ), (
        SELECT min(greatest(head.due, not_before)) FROM lanes CROSS JOIN LATERAL (
            SELECT due FROM agenda
            WHERE agenda.lane = lanes.lane AND gated AND (lease_until IS NULL OR lease_until <= lease_now)
            ORDER BY due, key LIMIT 1) AS head
        WHERE not_before > caller_now AND (removals_open OR lanes.lane NOT LIKE 'removals/%')
    ))
$$;

-- Claims what is due. One claim after the other, or two servers would each fill a lane's quota. What somebody is just
-- settling or changing is not waited for. One token serves a whole claim: no item is in it twice.
CREATE FUNCTION claim(asked jsonb, given_now bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    caller_now bigint := (asked ->> 'now')::bigint;
    lease_now bigint;
    free text[];
    fresh bigint;
    claimed jsonb;
BEGIN
    PERFORM pg_advisory_xact_lock('agenda'::regclass::oid::int, 0);
    lease_now := lease_clock(given_now);
    SELECT array_agg(key) INTO free FROM free_items(asked, caller_now, lease_now) AS key;
    IF free IS NOT NULL THEN
        fresh := nextval('agenda_token');
        WITH mine AS (
            SELECT key, lease_until IS NOT NULL AS lost FROM agenda
            WHERE key = ANY (free) AND due <= caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
            ORDER BY key FOR UPDATE SKIP LOCKED
        ), given AS (
            UPDATE agenda SET token = fresh, lease_until = lease_now + (asked ->> 'lease')::bigint
            FROM mine WHERE agenda.key = mine.key
            RETURNING agenda.key, due, item, wanted, tries, lost
        )
        SELECT jsonb_agg(to_jsonb(given) ORDER BY due, key) INTO claimed FROM given;
    END IF;
    RETURN jsonb_build_object('token', fresh, 'items', COALESCE(claimed, '[]'),
        'next_due', next_due(caller_now, lease_now, (asked ->> 'removals_open')::boolean));
END $$;
