-- The directory: who can be asked, and who else. Personal data, too: erasing a person deletes from these tables.

-- Whoever has no row can be asked, and nobody manages them.
CREATE TABLE directory (
    person   text COLLATE "C" PRIMARY KEY,
    manager  text COLLATE "C",
    disabled boolean NOT NULL DEFAULT false,
    bot      boolean NOT NULL DEFAULT false
);
CREATE INDEX directory_manager ON directory (manager) WHERE manager IS NOT NULL;

CREATE TABLE absences (
    person    text COLLATE "C" NOT NULL,
    position  int NOT NULL,
    starts_at bigint NOT NULL,
    ends_at   bigint,
    PRIMARY KEY (person, position)
);

-- Who stands in for whom.
CREATE TABLE delegations (
    id        text COLLATE "C" PRIMARY KEY,
    giver     text COLLATE "C" NOT NULL,
    stand_in  text COLLATE "C" NOT NULL,
    starts_at bigint NOT NULL,
    ends_at   bigint
);
CREATE INDEX delegations_giver ON delegations (giver);
CREATE INDEX delegations_stand_in ON delegations (stand_in);

CREATE TABLE app_owners (
    app      text COLLATE "C" NOT NULL,
    position int NOT NULL,
    person   text COLLATE "C" NOT NULL,
    PRIMARY KEY (app, position)
);
CREATE INDEX app_owners_person ON app_owners (person, app);

-- Who operates seatgate by appointment.
CREATE TABLE operators (
    person text COLLATE "C" PRIMARY KEY,
    since  bigint NOT NULL
);

CREATE FUNCTION set_absences(of_person text, periods jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM absences WHERE person = of_person;
    INSERT INTO absences (person, position, starts_at, ends_at)
    SELECT of_person, place - 1, (period ->> 0)::bigint, (period ->> 1)::bigint
    FROM jsonb_array_elements(periods) WITH ORDINALITY AS list (period, place);
END $$;

CREATE FUNCTION set_owners(of_app text, people jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM app_owners WHERE app = of_app;
    INSERT INTO app_owners (app, position, person)
    SELECT of_app, place - 1, owner FROM jsonb_array_elements_text(people) WITH ORDINALITY AS list (owner, place);
END $$;

-- A delegation that has not begun by then never does.
CREATE FUNCTION end_delegation(ended text, at bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM delegations WHERE id = ended AND starts_at >= at;
    UPDATE delegations SET ends_at = at WHERE id = ended AND (ends_at IS NULL OR ends_at > at);
END $$;

-- Edits, in their order. Whoever edits one person at the same time waits; whoever erases somebody has finished.
CREATE FUNCTION edit_directory(edits jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    edit jsonb;
BEGIN
    PERFORM add_personal_data();
    FOR edit IN SELECT value FROM jsonb_array_elements(edits) WITH ORDINALITY ORDER BY ordinality LOOP
        CASE edit ->> 'kind'
        WHEN 'manager' THEN
            INSERT INTO directory (person, manager) VALUES (edit ->> 'person', edit ->> 'manager')
            ON CONFLICT (person) DO UPDATE SET manager = excluded.manager;
        WHEN 'disabled' THEN
            INSERT INTO directory (person, disabled) VALUES (edit ->> 'person', (edit ->> 'disabled')::boolean)
            ON CONFLICT (person) DO UPDATE SET disabled = excluded.disabled;
        WHEN 'bot' THEN
            INSERT INTO directory (person, bot) VALUES (edit ->> 'person', (edit ->> 'bot')::boolean)
            ON CONFLICT (person) DO UPDATE SET bot = excluded.bot;
        WHEN 'absences' THEN
            PERFORM set_absences(edit ->> 'person', edit -> 'periods');
        WHEN 'delegate' THEN
            INSERT INTO delegations (id, giver, stand_in, starts_at, ends_at)
            VALUES (edit ->> 'id', edit ->> 'giver', edit ->> 'stand_in', (edit ->> 'starts_at')::bigint,
                (edit ->> 'ends_at')::bigint)
            ON CONFLICT DO NOTHING;
        WHEN 'end_delegation' THEN
            PERFORM end_delegation(edit ->> 'id', (edit ->> 'at')::bigint);
        WHEN 'owners' THEN
            PERFORM set_owners(edit ->> 'app', edit -> 'people');
        WHEN 'appoint' THEN
            INSERT INTO operators (person, since) VALUES (edit ->> 'person', (edit ->> 'at')::bigint)
            ON CONFLICT DO NOTHING;
        WHEN 'dismiss' THEN
            DELETE FROM operators WHERE person = edit ->> 'person';
        END CASE;
    END LOOP;
END $$;

CREATE FUNCTION erase_from_directory(gone text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM directory WHERE person = gone;
    UPDATE directory SET manager = NULL WHERE manager = gone;
    DELETE FROM absences WHERE person = gone;
    DELETE FROM delegations WHERE giver = gone OR stand_in = gone;
    DELETE FROM app_owners WHERE person = gone;
    DELETE FROM operators WHERE person = gone;
END $$;
