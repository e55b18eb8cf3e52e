-- Sweeps whose rows come in batches and are asked about once they are sealed.

CREATE TABLE bulk_sweeps (
    sweep     text COLLATE "C" PRIMARY KEY REFERENCES sweeps (id),
    body      text NOT NULL,
    -- Since when it takes no more rows.
    sealed_at bigint
);

-- Rows that are received and not answered yet, a row of this table for as many as came together: that is several times
-- faster than one for each. Their texts are personal data, a line each, and go once all are answered.
CREATE TABLE batches (
    sweep       text COLLATE "C" NOT NULL REFERENCES sweeps (id),
    first_row   int NOT NULL,
    -- The number after that of the last row.
    next_row    int NOT NULL,
    received_at bigint NOT NULL,
    digests     text NOT NULL,
    texts       text NOT NULL,
    PRIMARY KEY (sweep, first_row)
);
-- Read once and soon gone: compressing them costs more than it saves.
ALTER TABLE batches ALTER COLUMN digests SET STORAGE EXTERNAL, ALTER COLUMN texts SET STORAGE EXTERNAL;

-- Opens a new sweep for batches, if it is one in bulk.
CREATE FUNCTION add_bulk(sweep jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF sweep ->> 'bulk' IS NOT NULL THEN
        INSERT INTO bulk_sweeps (sweep, body) VALUES (sweep ->> 'id', sweep ->> 'bulk');
    END IF;
    RETURN true;
END $$;

-- Whether the sweep was open with exactly the expected rows, and is sealed now.
CREATE FUNCTION seal_sweep(seal jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for a batch that comes at the same time.
    PERFORM FROM sweeps WHERE id = seal ->> 'sweep' AND row_count = (seal ->> 'rows')::int FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE bulk_sweeps SET sealed_at = (seal ->> 'at')::bigint
    WHERE bulk_sweeps.sweep = seal ->> 'sweep' AND sealed_at IS NULL;
    RETURN FOUND;
END $$;

-- Whether the sweep is open and has exactly the rows before the batch; then it has the batch, too.
CREATE FUNCTION receive_batch(
    of_sweep text, from_row bigint, to_row bigint, came_at bigint, row_digests text, row_texts text, rejected jsonb
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for whoever adds to the sweep or seals it; whether it is sealed is looked at behind that.
    PERFORM FROM sweeps WHERE id = of_sweep AND row_count = from_row FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM FROM bulk_sweeps WHERE bulk_sweeps.sweep = of_sweep AND sealed_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE sweeps SET row_count = to_row WHERE id = of_sweep;
    INSERT INTO batches (sweep, first_row, next_row, received_at, digests, texts)
    VALUES (of_sweep, from_row, to_row, came_at, row_digests, row_texts);
    IF jsonb_array_length(rejected) > 0 THEN
        PERFORM add_rows(rejected);
    END IF;
    RETURN true;
END $$;

-- Forgets the batches that have no row from `before_row` on.
CREATE FUNCTION forget_batches(of_sweep text, before_row bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM batches WHERE batches.sweep = of_sweep AND next_row <= before_row;
    RETURN FOUND;
END $$;
