-- Whoever adds people or accounts shares this; whoever erases somebody has it alone, so that nothing is added to what is
-- just going.
CREATE FUNCTION add_personal_data() RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared('people'::regclass::oid::int, 0)
$$;

-- Finds somebody, or adds them. Of two who ask at once, one adds, and the other finds.
CREATE FUNCTION find_person(new jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    reference text;
    named boolean;
BEGIN
    LOOP
        SELECT person, people.name IS NOT NULL INTO reference, named
        FROM identities JOIN people ON people.id = person WHERE identity = new ->> 'identity';
        IF FOUND THEN
            IF NOT named AND new ->> 'name' IS NOT NULL THEN
                UPDATE people SET name = new ->> 'name' WHERE id = reference AND people.name IS NULL;
            END IF;
            RETURN reference;
        END IF;
        INSERT INTO identities (identity, person) VALUES (new ->> 'identity', new ->> 'reference')
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            INSERT INTO people AS known (id, name) VALUES (new ->> 'reference', new ->> 'name')
            ON CONFLICT (id) DO UPDATE SET name = COALESCE(known.name, excluded.name);
            RETURN new ->> 'reference';
        END IF;
    END LOOP;
END $$;

-- People, by identity: so that two who add the same ones never wait for each other.
CREATE FUNCTION find_people(wanted jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    new jsonb;
    place bigint;
    found_people text[] := array_fill(NULL::text, ARRAY[jsonb_array_length(wanted)]);
BEGIN
    PERFORM add_personal_data();
    FOR new, place IN SELECT value, ordinality FROM jsonb_array_elements(wanted) WITH ORDINALITY
        ORDER BY value ->> 'identity', ordinality
    LOOP
        found_people[place] := find_person(new);
    END LOOP;
    RETURN found_people;
END $$;

-- Where an app's names lead, and whether the account that the address leads to has an id of its own.
CREATE FUNCTION look(of_app text, own_id text, address text, OUT by_id text, OUT by_email text, OUT email_has_id boolean)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT account INTO by_id FROM account_aliases WHERE app = of_app AND kind = 'id' AND value = own_id;
    SELECT account, ext_id IS NOT NULL INTO by_email, email_has_id
    FROM account_aliases LEFT JOIN accounts ON accounts.id = account
    WHERE account_aliases.app = of_app AND kind = 'email' AND value = address;
    email_has_id := COALESCE(email_has_id, false);
END $$;

-- The account that these names lead to, if finding it would write nothing.
CREATE FUNCTION settled_account(new jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    led record;
    answer text;
BEGIN
    SELECT * INTO led FROM look(new ->> 'app', new ->> 'id', new ->> 'email');
    SELECT id INTO answer FROM accounts
    WHERE id = COALESCE(led.by_id, led.by_email)
    AND (new ->> 'id' IS NULL OR led.by_id = id AND ext_id = new ->> 'id')
    AND (new ->> 'email' IS NULL OR led.by_email = id AND email = new ->> 'email')
    AND (new ->> 'name' IS NULL OR name = new ->> 'name');
    RETURN answer;
END $$;

-- For each account in question; none where it has to be written.
CREATE FUNCTION settled_accounts(wanted jsonb) RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(settled_account(value) ORDER BY ordinality) FROM jsonb_array_elements(wanted) WITH ORDINALITY
$$;

-- Makes both names lead to the account. An address that led elsewhere moves, and what was said last is shown.
CREATE FUNCTION link_account(new jsonb, target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts SET email = NULL
    WHERE app = new ->> 'app' AND email = new ->> 'email' AND id <> target AND id = (
        SELECT account FROM account_aliases WHERE app = new ->> 'app' AND kind = 'email' AND value = new ->> 'email');
    INSERT INTO account_aliases AS known (app, kind, value, account)
    SELECT new ->> 'app', kind, new ->> kind, target FROM unnest(ARRAY['id', 'email']) AS kind
    WHERE new ->> kind IS NOT NULL
    ON CONFLICT (app, kind, value) DO UPDATE SET account = excluded.account WHERE known.account <> excluded.account;
    INSERT INTO accounts AS known (id, app, ext_id, email, name)
    VALUES (target, new ->> 'app', new ->> 'id', new ->> 'email', new ->> 'name')
    ON CONFLICT (id) DO UPDATE SET ext_id = COALESCE(excluded.ext_id, known.ext_id),
        email = COALESCE(excluded.email, known.email), name = COALESCE(excluded.name, known.name)
    WHERE (excluded.ext_id, excluded.email, excluded.name) IS DISTINCT FROM (known.ext_id, known.email, known.name);
END $$;

-- One account turned out to be another: everything of `source` becomes that of `target`. Nothing was merged into
-- `source`: it has no id of its own. Answers which requests lost their seat: of two open ones about one seat the older
-- one stays, and ids sort by age.
CREATE FUNCTION merge_account(source text, target text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    losers text[];
BEGIN
    -- Whoever takes or frees a seat of theirs is waited for, and waits.
    PERFORM FROM accounts WHERE id IN (source, target) ORDER BY id FOR UPDATE;
    SELECT array_agg(greatest(old.open_request, new.open_request)) INTO losers
    FROM seats AS old JOIN seats AS new USING (app, entitlement)
    WHERE old.account = source AND new.account = target
    AND old.open_request IS NOT NULL AND new.open_request IS NOT NULL;

    UPDATE accounts SET email = COALESCE(accounts.email, old.email), name = COALESCE(accounts.name, old.name)
    FROM accounts AS old WHERE accounts.id = target AND old.id = source;
    UPDATE accounts SET ext_id = NULL, email = NULL, name = NULL, merged_into = target WHERE id = source;
    UPDATE account_aliases SET account = target WHERE account = source;
    UPDATE exceptions SET account = target WHERE account = source;

    INSERT INTO seats AS known (app, account, entitlement, generation, open_request)
    SELECT app, target, entitlement, generation, open_request FROM seats WHERE account = source
    ON CONFLICT (app, account, entitlement) DO UPDATE
    SET generation = greatest(known.generation, excluded.generation) + 1,
        open_request = least(known.open_request, excluded.open_request);
    DELETE FROM seats WHERE account = source;
    RETURN losers;
END $$;

-- Finds or adds accounts, in order. One transaction at a time works on a name.
CREATE FUNCTION find_accounts(wanted jsonb, OUT found_accounts text[], OUT losers text[]) LANGUAGE plpgsql AS $$
DECLARE
    new jsonb;
    led record;
    answer text;
BEGIN
    PERFORM add_personal_data();
    PERFORM pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT hashtextextended(concat_ws('/', value ->> 'app', kind, value ->> kind),
            'accounts'::regclass::oid::bigint) AS lock
        FROM jsonb_array_elements(wanted), unnest(ARRAY['id', 'email']) AS kind
        WHERE value ->> kind IS NOT NULL ORDER BY lock OFFSET 0) AS names;
    FOR new IN SELECT value FROM jsonb_array_elements(wanted) WITH ORDINALITY ORDER BY ordinality LOOP
        SELECT * INTO led FROM look(new ->> 'app', new ->> 'id', new ->> 'email');
        IF led.by_id <> led.by_email AND NOT led.email_has_id THEN
            losers := losers || merge_account(led.by_email, led.by_id);
        END IF;
        IF led.by_id IS NULL AND (new ->> 'id' IS NULL OR NOT led.email_has_id) THEN
            answer := led.by_email;
        ELSE
            answer := led.by_id;
        END IF;
        answer := COALESCE(answer, new ->> 'account');
        PERFORM link_account(new, answer);
        found_accounts := found_accounts || answer;
    END LOOP;
END $$;

-- An account that bears one of the addresses goes with all of its names; a row without names, which only leads from a
-- merged account to the one that remains, stays.
CREATE FUNCTION erase(gone text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    bearers text[];
BEGIN
    PERFORM pg_advisory_xact_lock('people'::regclass::oid::int, 0);
    -- From the address to the alias, which has an index; the other way round would look at every alias.
    SELECT array_agg(account) INTO bearers
    FROM identities JOIN account_aliases ON kind = 'email' AND value = substr(identity, 7)
    WHERE person = gone AND identity LIKE 'email:%';
    DELETE FROM accounts WHERE id = ANY (bearers);
    DELETE FROM account_aliases WHERE account = ANY (bearers);
    DELETE FROM texts WHERE id IN (SELECT text FROM text_subjects WHERE person = gone);
    DELETE FROM text_subjects WHERE person = gone;
    DELETE FROM identities WHERE person = gone;
    DELETE FROM people WHERE id = gone;
END $$;

-- Files an exception and raises the generation of its seat, once.
CREATE FUNCTION file_exception(new jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    holder text := remaining(new ->> 'account');
BEGIN
    INSERT INTO exceptions (id, app, account, entitlement, until, revoked_at, body)
    VALUES (new ->> 'id', new ->> 'app', holder, new ->> 'entitlement', (new ->> 'until')::bigint,
        (new ->> 'revoked_at')::bigint, new ->> 'body')
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        INSERT INTO seats AS known (app, account, entitlement, generation)
        VALUES (new ->> 'app', holder, new ->> 'entitlement', 1)
        ON CONFLICT (app, account, entitlement) DO UPDATE SET generation = known.generation + 1;
    END IF;
END $$;
