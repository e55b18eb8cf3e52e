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

-- The edits of changes. Those of a change that edits an item several times come in their order, as `edits`.
CREATE FUNCTION edit_agenda(batch jsonb, lease_now bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM schedule_all(batch -> 'wanted', batch -> 'replaced');
    IF batch ? 'removed' THEN
        DELETE FROM agenda WHERE key IN (SELECT value FROM jsonb_array_elements_text(batch -> 'removed'));
    END IF;
    IF batch ? 'held' THEN
        UPDATE agenda SET lease_until = lease_now + hold.lease, gated = false
        FROM jsonb_to_recordset(batch -> 'held') AS hold (key text, lease bigint) WHERE agenda.key = hold.key;
    END IF;
    IF batch ? 'settled' THEN
        PERFORM settle_item(key, token, value) FROM jsonb_array_elements(batch -> 'settled')
        JOIN agenda ON key = value ->> 'key';
    END IF;
    IF batch ? 'edits' THEN
        PERFORM edit_in_order(batch -> 'edits', lease_now);
    END IF;
END $$;

-- Edits, in their order. A `settle` is there only for an item whose fence its change has passed.
CREATE FUNCTION edit_in_order(edits jsonb, lease_now bigint) RETURNS void LANGUAGE plpgsql AS $$
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
                PERFORM settle_item(key, token, edit) FROM agenda WHERE key = edit ->> 'key';
        END CASE;
    END LOOP;
END $$;

-- Puts items on the agenda: those that coalesce, the ones wanted several times in one go, and those that replace what is
-- there. By key, so that two of these never wait for each other.
CREATE FUNCTION schedule_all(wanted jsonb, replacing jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF wanted IS NOT NULL THEN
        INSERT INTO agenda AS known (key, item, due, lane, gated, wanted)
        SELECT key, min(item), min(due), min(lane), bool_or(gated), count(*)
        FROM jsonb_to_recordset(wanted) AS wish (key text, item text, due bigint, lane text, gated boolean)
        GROUP BY key ORDER BY key
        ON CONFLICT (key) DO UPDATE
        SET due = least(known.due, excluded.due), wanted = known.wanted + excluded.wanted;
    END IF;
    IF replacing IS NOT NULL THEN
        INSERT INTO agenda (key, item, due, lane, gated)
        SELECT key, item, due, lane, gated
        FROM jsonb_to_recordset(replacing) AS wish (key text, item text, due bigint, lane text, gated boolean)
        ORDER BY key
        ON CONFLICT (key) DO UPDATE
        SET item = excluded.item, due = excluded.due, lane = excluded.lane, gated = excluded.gated, wanted = 1,
            tries = 0, token = NULL, lease_until = NULL;
    END IF;
END $$;

-- What attempts say about lanes.
CREATE FUNCTION report_lanes(reports jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF jsonb_path_exists(reports, '$[*] ? (@.closed_until != null)') THEN
        PERFORM report_lane(value) FROM jsonb_array_elements(reports) WITH ORDINALITY ORDER BY value ->> 'lane', ordinality;
    ELSIF jsonb_array_length(reports) > 0 THEN
        UPDATE lanes SET failures = 0
        WHERE lane IN (SELECT value ->> 'lane' FROM jsonb_array_elements(reports)) AND failures <> 0;
    END IF;
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

-- Keeps cards as they were handed in, if all are still as they were read.
CREATE FUNCTION keep_cards(kept jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM FROM cards WHERE id IN (SELECT value ->> 'id' FROM jsonb_array_elements(kept)) ORDER BY id FOR UPDATE;
    UPDATE cards
    SET posted = card.posted, copies = card.copies, shown = card.shown, delivered_at = card.delivered_at,
        delivered = card.delivered, page = card.page, ambiguous = card.ambiguous, version = cards.version + 1
    FROM jsonb_to_recordset(kept) AS card (id text, posted text, copies text, shown text, delivered_at bigint,
        delivered int, page int, ambiguous boolean, version bigint)
    WHERE cards.id = card.id AND cards.version = card.version;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done < jsonb_array_length(kept) THEN
        PERFORM refuse('again');
    END IF;
END $$;

-- Ends leases: `ended` items go unless they are wanted more by now, `postponed` ones are due again.
CREATE FUNCTION end_leases(ended jsonb, postponed jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    missing bigint := COALESCE(jsonb_array_length(ended), 0) + COALESCE(jsonb_array_length(postponed), 0);
    done bigint;
BEGIN
    DELETE FROM agenda USING jsonb_to_recordset(ended) AS item (key text, token bigint, wanted bigint)
    WHERE agenda.key = item.key AND agenda.token = item.token AND agenda.wanted = item.wanted;
    GET DIAGNOSTICS done = ROW_COUNT;
    missing := missing - done;
    IF missing > 0 THEN
        UPDATE agenda
        SET due = CASE WHEN agenda.wanted = item.wanted THEN COALESCE(item.due, agenda.due) ELSE agenda.due END,
            tries = CASE WHEN item.next = 'retry' THEN tries + 1 ELSE 0 END, token = NULL, lease_until = NULL
        FROM jsonb_to_recordset(COALESCE(ended, '[]') || COALESCE(postponed, '[]'))
            AS item (key text, token bigint, wanted bigint, next text, due bigint)
        WHERE agenda.key = item.key AND agenda.token = item.token;
        GET DIAGNOSTICS done = ROW_COUNT;
        missing := missing - done;
    END IF;
    IF missing > 0 THEN
        PERFORM refuse('lost');
    END IF;
END $$;

-- Settles items: 'settled', or 'lost' where one is not under its token any more, or 'again' where a card has changed since
-- it was read; then none of them leaves anything behind.
CREATE FUNCTION settle_together(batch jsonb, text_bodies text[]) RETURNS text LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off AS $$
BEGIN
    -- Not all of these go: they are locked in their order first, or two that want the same items might wait for each other.
    IF batch ?| '{kept,postponed}' THEN
        PERFORM FROM agenda
        WHERE key IN (SELECT value ->> 'key' FROM jsonb_array_elements(batch -> 'ended')
            UNION ALL SELECT value ->> 'key' FROM jsonb_array_elements(batch -> 'postponed'))
        ORDER BY key FOR UPDATE;
    END IF;
    PERFORM end_leases(batch -> 'ended', batch -> 'postponed');
    IF batch ? 'kept' THEN
        PERFORM keep_cards(batch -> 'kept');
    END IF;
    IF batch ? 'wanted' THEN
        PERFORM schedule_all(batch -> 'wanted', NULL);
    END IF;
    IF batch ? 'texts' THEN
        PERFORM land_texts(batch -> 'texts', text_bodies, batch -> 'subjects');
    END IF;
    IF batch ? 'lanes' THEN
        PERFORM report_lanes(batch -> 'lanes');
    END IF;
    RETURN 'settled';
EXCEPTION WHEN SQLSTATE 'SG001' THEN
    RETURN SQLERRM;
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

-- Claims what is due. One claim after the other, or two servers would each fill a lane's quota. What somebody is just
-- settling or changing is not waited for. One token serves a whole claim: no item is in it twice.
--
-- However long the queues are, only the head of each is looked at: `firsts` steps from lane to lane in the index, and where
-- something may be due, `depth` items are ordered against those of other lanes. The next one of each, and the first that is
-- not due yet, tell when something is due again; what a closed lane holds is due when it opens. Mostly a few items of each
-- lane are enough to find the earliest: only if all that were looked at in some lane, and the next one, are among them, it
-- is done again with as many as may be claimed of a lane at all. A queue is never what the planner's figures say it is: so
-- each head is read in the order of the index, by a plan that is made once. Without messages their lanes, which stand side
-- by side, are stepped over at once, and nobody asks what is due next.
CREATE FUNCTION claim(asked jsonb, given_now bigint) RETURNS text LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off SET enable_seqscan = off AS $$
DECLARE
    caps jsonb := asked -> 'caps';
    per_lane bigint := asked ->> 'per_lane';
    most bigint := asked ->> 'most';
    enough bigint := asked ->> 'limit';
    messages boolean := asked ->> 'messages';
    removals_open boolean := asked ->> 'removals_open';
    caller_now bigint := asked ->> 'now';
    depth bigint := least(most, 16);
    lease_now bigint;
    claimed text;
BEGIN
    PERFORM pg_advisory_xact_lock('agenda'::regclass::oid::int, 0);
    lease_now := lease_clock(given_now);
    LOOP
        WITH RECURSIVE ranges (from_lane, to_lane) AS (
            SELECT * FROM (VALUES ('', 'messages/'), ('messages/', 'messages0'), ('messages0', '~')) AS parts (from_lane, to_lane)
            WHERE messages OR from_lane <> 'messages/'
        ), firsts (lane, due, to_lane) AS (
            SELECT first.lane, first.due, to_lane FROM ranges CROSS JOIN LATERAL (
                SELECT agenda.lane, agenda.due FROM agenda WHERE agenda.lane >= from_lane AND agenda.lane < to_lane
                ORDER BY agenda.lane, agenda.due, agenda.key LIMIT 1) AS first
            UNION ALL
            SELECT next.lane, next.due, to_lane FROM firsts CROSS JOIN LATERAL (
                SELECT agenda.lane, agenda.due FROM agenda WHERE agenda.lane > firsts.lane AND agenda.lane < to_lane
                ORDER BY agenda.lane, agenda.due, agenda.key LIMIT 1) AS next
        ), queues AS MATERIALIZED (
            SELECT firsts.lane, due, not_before, not_before > caller_now AS closed,
                removals_open OR firsts.lane NOT LIKE 'removals/%' AS open
            FROM firsts LEFT JOIN lanes ON lanes.lane = firsts.lane
        ), ways AS MATERIALIZED (
            SELECT queues.*, COALESCE((caps ->> queues.lane)::bigint, per_lane)
                - (SELECT count(*) FROM agenda WHERE agenda.lane = queues.lane AND lease_until > lease_now) AS room
            FROM queues WHERE due <= caller_now OR closed IS TRUE OR NOT open
        ), head AS MATERIALIZED (
            SELECT ways.room, queue.* FROM ways CROSS JOIN LATERAL (
                (SELECT ctid AS place, due, key, row_number() OVER (ORDER BY due, key) AS number FROM agenda
                WHERE agenda.lane = ways.lane AND due <= caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
                AND NOT (gated AND (closed IS TRUE OR NOT open))
                ORDER BY due, key LIMIT depth + 1)
                UNION ALL
                (SELECT ctid, due, key, NULL FROM agenda
                WHERE messages AND agenda.lane = ways.lane AND due > caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
                AND NOT (gated AND (closed IS TRUE OR NOT open))
                ORDER BY due, key LIMIT 1)) AS queue
            UNION ALL
            (SELECT 1, ctid, due, key, 1 FROM agenda
            WHERE lane IS NULL AND due <= caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
            ORDER BY lane, due, key LIMIT enough + 1)
            UNION ALL
            (SELECT 1, ctid, due, key, NULL FROM agenda
            WHERE messages AND lane IS NULL AND due > caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
            ORDER BY lane, due, key LIMIT 1)
        ), earliest AS MATERIALIZED (
            SELECT place, number FROM head WHERE number <= room ORDER BY due, key LIMIT enough
        ), known (all_are) AS MATERIALIZED (
            SELECT depth = most OR NOT EXISTS (SELECT FROM earliest WHERE number > depth)
        ), mine AS (
            SELECT ctid AS place, lease_until IS NOT NULL AS lost FROM agenda
            WHERE (SELECT all_are FROM known) AND ctid = ANY (ARRAY(SELECT place FROM earliest))
            AND due <= caller_now AND (lease_until IS NULL OR lease_until <= lease_now)
            FOR UPDATE SKIP LOCKED
        ), given AS (
            UPDATE agenda
            SET token = (SELECT nextval('agenda_token')), lease_until = lease_now + (asked ->> 'lease')::bigint
            FROM mine WHERE agenda.ctid = mine.place
            RETURNING place, key, item, wanted, tries, lost, due, token
        ), later (due) AS (
            SELECT min(due) FROM queues WHERE due > caller_now AND closed IS NOT TRUE AND open
            UNION ALL
            SELECT min(due) FROM head WHERE place NOT IN (SELECT place FROM given)
            UNION ALL
            SELECT min(greatest(queue.due, not_before)) FROM ways CROSS JOIN LATERAL (
                SELECT due FROM agenda
                WHERE agenda.lane = ways.lane AND gated AND (lease_until IS NULL OR lease_until <= lease_now)
                ORDER BY due, key LIMIT 1) AS queue
            WHERE closed AND open
        )
        SELECT CASE WHEN (SELECT all_are FROM known) THEN json_build_object(
            'token', min(token),
            'items', COALESCE(json_agg(json_build_array(key, item, wanted, tries, lost) ORDER BY due, key), '[]'),
            'next_due', CASE WHEN messages THEN (SELECT min(due) FROM later) END) END INTO claimed FROM given;
        EXIT WHEN claimed IS NOT NULL;
        depth := most;
    END LOOP;
    RETURN claimed;
END $$;
