-- Whoever adds people or accounts shares this; whoever erases somebody has it alone, so that nothing is added to what is
-- just going.
CREATE FUNCTION add_personal_data() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared('people'::regclass::oid::int, 0);
END $$;

-- Finds people, or adds them, by identity: so that two who add the same ones never wait for each other. Of two who ask at
-- once, one adds, and the other finds.
CREATE FUNCTION find_people(wanted jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    added bigint;
BEGIN
    PERFORM add_personal_data();
    INSERT INTO identities (identity, person)
    SELECT DISTINCT ON (identity) identity, reference
    FROM jsonb_to_recordset(wanted) AS new (identity text, reference text)
    WHERE NOT EXISTS (SELECT FROM identities AS known WHERE known.identity = new.identity)
    ORDER BY identity
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added > 0 THEN
        INSERT INTO people AS known (id, name)
        SELECT DISTINCT ON (reference) reference, new.name
        FROM jsonb_to_recordset(wanted) AS new (identity text, name text, reference text)
        JOIN identities ON identities.identity = new.identity AND person = reference
        ORDER BY reference, new.name NULLS LAST
        ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE known.name IS NULL AND excluded.name IS NOT NULL;
    END IF;
    IF jsonb_path_exists(wanted, '$[*] ? (@.name != null)') THEN
        UPDATE people SET name = COALESCE(people.name, unnamed.name)
        FROM (
            SELECT known.id, new.name FROM jsonb_to_recordset(wanted) AS new (identity text, name text)
            CROSS JOIN LATERAL (
                SELECT people.id FROM identities JOIN people ON people.id = person
                WHERE identities.identity = new.identity AND people.name IS NULL LIMIT 1) AS known
            WHERE new.name IS NOT NULL) AS unnamed
        WHERE people.id = unnamed.id;
    END IF;
    RETURN ARRAY(
        SELECT person FROM jsonb_array_elements(wanted) WITH ORDINALITY
        LEFT JOIN identities ON identity = value ->> 'identity' ORDER BY ordinality);
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

    INSERT INTO seats AS known (app, account, entitlement, generation, open_request, quiet_until)
    SELECT app, target, entitlement, generation, open_request, quiet_until FROM seats WHERE account = source
    ON CONFLICT (app, account, entitlement) DO UPDATE
    SET generation = greatest(known.generation, excluded.generation) + 1,
        open_request = least(known.open_request, excluded.open_request),
        quiet_until = greatest(known.quiet_until, excluded.quiet_until);
    DELETE FROM seats WHERE account = source;
    RETURN losers;
END $$;

-- One transaction at a time works on a name.
CREATE FUNCTION lock_names(wanted jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(lock) FROM (
        SELECT DISTINCT hashtextextended(concat_ws('/', value ->> 'app', kind, value ->> kind),
            'accounts'::regclass::oid::bigint) AS lock
        FROM jsonb_array_elements(wanted), unnest(ARRAY['id', 'email']) AS kind
        WHERE value ->> kind IS NOT NULL ORDER BY lock OFFSET 0) AS names;
END $$;

-- The account that these names lead to, or a new one, once none has to be merged any more.
CREATE FUNCTION find_account(new jsonb, by_id text, by_email text, email_has_id boolean) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    IF by_id IS NULL AND (new ->> 'id' IS NULL OR NOT email_has_id) THEN
        answer := by_email;
    ELSE
        answer := by_id;
    END IF;
    answer := COALESCE(answer, new ->> 'account');
    PERFORM link_account(new, answer);
    RETURN answer;
END $$;

-- Finds or adds accounts, in order, and merges those that turn out to be one.
CREATE FUNCTION find_accounts(wanted jsonb, OUT found_accounts text[], OUT losers text[]) LANGUAGE plpgsql AS $$
DECLARE
    new jsonb;
    led record;
BEGIN
    PERFORM add_personal_data();
    PERFORM lock_names(wanted);
    FOR new IN SELECT value FROM jsonb_array_elements(wanted) WITH ORDINALITY ORDER BY ordinality LOOP
        SELECT * INTO led FROM look(new ->> 'app', new ->> 'id', new ->> 'email');
        IF led.by_id <> led.by_email AND NOT led.email_has_id THEN
            losers := losers || merge_account(led.by_email, led.by_id);
        END IF;
        found_accounts := found_accounts || find_account(new, led.by_id, led.by_email, led.email_has_id);
    END LOOP;
END $$;

-- The accounts that these names lead to where finding them writes nothing, as in nearly every sweep.
CREATE FUNCTION settled_accounts(wanted jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(
        SELECT accounts.id
        FROM jsonb_array_elements(wanted) WITH ORDINALITY AS list (entry, place)
        CROSS JOIN LATERAL jsonb_to_record(entry) AS new (app text, id text, email text, name text)
        LEFT JOIN account_aliases AS by_id ON by_id.app = new.app AND by_id.kind = 'id' AND by_id.value = new.id
        LEFT JOIN account_aliases AS by_email
            ON by_email.app = new.app AND by_email.kind = 'email' AND by_email.value = new.email
        LEFT JOIN accounts ON accounts.id = COALESCE(by_id.account, by_email.account)
            AND (new.id IS NULL OR by_id.account = accounts.id AND ext_id = new.id)
            AND (new.email IS NULL OR by_email.account = accounts.id AND accounts.email = new.email)
            AND (new.name IS NULL OR accounts.name = new.name)
        ORDER BY place);
END $$;

-- Adds accounts, if none of their names is known and no two share one.
CREATE FUNCTION add_accounts(wanted jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_to_recordset(wanted) AS new (app text, id text, email text)
        CROSS JOIN LATERAL (VALUES ('id', new.id), ('email', new.email)) AS name (kind, value)
        WHERE name.value IS NOT NULL
        GROUP BY new.app, name.kind, name.value HAVING count(*) > 1 OR (
            SELECT known.account FROM account_aliases AS known
            WHERE known.app = new.app AND known.kind = name.kind AND known.value = name.value LIMIT 1) IS NOT NULL
    ) THEN
        RETURN false;
    END IF;
    INSERT INTO accounts (id, app, ext_id, email, name)
    SELECT account, app, id, email, name
    FROM jsonb_to_recordset(wanted) AS new (account text, app text, id text, email text, name text);
    INSERT INTO account_aliases (app, kind, value, account)
    SELECT app, name.kind, name.value, account
    FROM jsonb_to_recordset(wanted) AS new (account text, app text, id text, email text)
    CROSS JOIN LATERAL (VALUES ('id', new.id), ('email', new.email)) AS name (kind, value)
    WHERE name.value IS NOT NULL;
    RETURN true;
END $$;

-- The accounts, found or added, in order, where nothing has to be merged; for what has to be, nothing is answered.
CREATE FUNCTION settle_accounts(wanted jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    answers text[] := settled_accounts(wanted);
    rest jsonb;
    new jsonb;
    place bigint;
    led record;
BEGIN
    IF array_position(answers, NULL) IS NULL THEN
        RETURN answers;
    END IF;
    SELECT jsonb_agg(value ORDER BY ordinality) INTO rest
    FROM jsonb_array_elements(wanted) WITH ORDINALITY WHERE answers[ordinality] IS NULL;
    PERFORM add_personal_data();
    PERFORM lock_names(rest);
    IF add_accounts(rest) THEN
        RETURN ARRAY(
            SELECT COALESCE(answers[ordinality], value ->> 'account')
            FROM jsonb_array_elements(wanted) WITH ORDINALITY ORDER BY ordinality);
    END IF;
    FOR new, place IN
        SELECT value, ordinality FROM jsonb_array_elements(wanted) WITH ORDINALITY
        WHERE answers[ordinality] IS NULL ORDER BY ordinality
    LOOP
        SELECT * INTO led FROM look(new ->> 'app', new ->> 'id', new ->> 'email');
        IF led.by_id IS NOT DISTINCT FROM led.by_email OR led.by_id IS NULL OR led.by_email IS NULL OR led.email_has_id THEN
            answers[place] := find_account(new, led.by_id, led.by_email, led.email_has_id);
        END IF;
    END LOOP;
    RETURN answers;
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
    PERFORM erase_from_directory(gone);
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
