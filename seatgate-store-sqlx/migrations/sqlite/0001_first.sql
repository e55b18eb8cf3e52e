-- Times are microseconds since 1970 in UTC; ids, digests and salts are texts; bodies are JSON with a version.

-- The end of each chain. A change compares and sets `version`; everything else that it writes stands behind that.
CREATE TABLE streams (
    stream  TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    head    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    stream    TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    change_id TEXT NOT NULL,
    kind      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    hash      TEXT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (stream, seq)
) STRICT;
CREATE INDEX events_change ON events (stream, change_id);

CREATE TABLE requests (
    id         TEXT PRIMARY KEY,
    state      TEXT NOT NULL,
    mode       TEXT NOT NULL,
    app        TEXT,
    opened_at  INTEGER NOT NULL,
    closed_at  INTEGER,
    -- Until when the answer keeps the seat.
    kept_until INTEGER,
    -- What a sweep's notice counts: which channel hears it, how it ended, and what the seat costs a month.
    sweep      TEXT,
    channel    TEXT,
    outcome    TEXT,
    cost       INTEGER,
    currency   TEXT,
    -- The person who decided.
    decider    TEXT,
    -- Who holds the seat, or leaves; then the playbook.
    holder     TEXT,
    playbook   TEXT,
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX requests_state ON requests (state, id);
CREATE INDEX requests_kept ON requests (id, kept_until) WHERE kept_until IS NOT NULL;
CREATE INDEX requests_sweep ON requests (sweep, channel, mode, state, outcome, currency, cost);
CREATE INDEX requests_decider ON requests (decider, id) WHERE decider IS NOT NULL;
CREATE INDEX requests_holder ON requests (holder, state, id) WHERE holder IS NOT NULL;
CREATE INDEX requests_offboarding ON requests (id) WHERE playbook IS NOT NULL;

-- Who was asked, with what one person's lists are filtered by: so each of them is one range of one index.
CREATE TABLE request_asked (
    person     TEXT NOT NULL,
    request    TEXT NOT NULL,
    state      TEXT NOT NULL,
    -- Until when the request's answer keeps the seat.
    kept_until INTEGER,
    PRIMARY KEY (person, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_asked_request ON request_asked (request);
CREATE INDEX request_asked_state ON request_asked (person, state, request);
CREATE INDEX request_asked_kept ON request_asked (person, request, kept_until) WHERE kept_until IS NOT NULL;

-- The offboarding table: one row a task, with its result. Written with the state, for reading by people and reports.
CREATE TABLE tasks (
    request           TEXT NOT NULL,
    id                TEXT NOT NULL,
    position          INTEGER NOT NULL,
    name              TEXT NOT NULL,
    status            TEXT NOT NULL,
    attempts          INTEGER NOT NULL,
    pause             INTEGER,
    may_have_happened INTEGER NOT NULL,
    proof             TEXT,
    -- What was said of it once it is done; else why it was left out.
    receipt           TEXT,
    -- When its first attempt began, and when it last came to stand otherwise.
    began_at          INTEGER,
    updated_at        INTEGER,
    PRIMARY KEY (request, id)
) STRICT, WITHOUT ROWID;

-- What a decided request saves or does not, written with its state. Without a currency, nobody has said the seat's cost.
CREATE TABLE savings (
    request      TEXT PRIMARY KEY,
    month        TEXT NOT NULL,
    app          TEXT NOT NULL,
    standing     TEXT NOT NULL,
    proof        TEXT,
    -- For a removal that the target scheduled.
    effective_at INTEGER,
    currency     TEXT,
    minor        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX savings_lines ON savings (month, app, standing, proof, effective_at, currency, minor);

CREATE TABLE seats (
    app          TEXT NOT NULL,
    account      TEXT NOT NULL,
    entitlement  TEXT NOT NULL,
    generation   INTEGER NOT NULL,
    open_request TEXT,
    -- Until when nobody is asked about it.
    quiet_until  INTEGER,
    PRIMARY KEY (app, account, entitlement)
) STRICT, WITHOUT ROWID;
CREATE INDEX seats_account ON seats (account);
CREATE INDEX seats_open ON seats (open_request) WHERE open_request IS NOT NULL;

CREATE TABLE agenda (
    key         TEXT PRIMARY KEY,
    item        TEXT NOT NULL,
    due         INTEGER NOT NULL,
    lane        TEXT,
    gated       INTEGER NOT NULL,
    wanted      INTEGER NOT NULL DEFAULT 1,
    tries       INTEGER NOT NULL DEFAULT 0,
    -- The fencing token of the last claim; none once its lease was settled.
    token       INTEGER,
    -- By the store's clock. In the past: the lease was lost.
    lease_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX agenda_due ON agenda (due, key);
CREATE INDEX agenda_lane ON agenda (lane, due, key);
CREATE INDEX agenda_leased ON agenda (lease_until) WHERE lease_until IS NOT NULL;

-- The last fencing token given: one number for all items, so that an item's tokens rise even if it goes and comes back.
CREATE TABLE agenda_token (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO agenda_token (only, last) VALUES (1, 0);

CREATE TABLE lanes (
    lane       TEXT PRIMARY KEY,
    not_before INTEGER NOT NULL,
    failures   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE cards (
    id           TEXT PRIMARY KEY,
    -- Either who is asked, or which channel hears about which sweep.
    approver     TEXT,
    sweep        TEXT,
    channel      TEXT,
    posted       TEXT,
    copies       TEXT NOT NULL DEFAULT '[]',
    shown        TEXT,
    delivered_at INTEGER,
    delivered    INTEGER NOT NULL DEFAULT 0,
    page         INTEGER NOT NULL DEFAULT 0,
    ambiguous    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE card_requests (
    card    TEXT NOT NULL,
    request TEXT NOT NULL,
    PRIMARY KEY (card, request)
) STRICT, WITHOUT ROWID;
CREATE INDEX card_requests_request ON card_requests (request);

CREATE TABLE sweeps (
    id           TEXT PRIMARY KEY,
    submitted_by TEXT NOT NULL,
    received_at  INTEGER NOT NULL,
    -- The rows of all of its deliveries.
    row_count    INTEGER NOT NULL,
    -- The delivery that brought it. Others may have joined.
    delivery     TEXT
) STRICT, WITHOUT ROWID;

-- What makes a sweep one whose rows come in batches and are asked about once it is sealed.
CREATE TABLE bulk_sweeps (
    sweep     TEXT PRIMARY KEY REFERENCES sweeps (id),
    body      TEXT NOT NULL,
    -- Since when it takes no more rows.
    sealed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE inbound_ids (
    id          TEXT PRIMARY KEY,
    digest      TEXT NOT NULL,
    sweep       TEXT NOT NULL REFERENCES sweeps (id),
    first_row   INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep_rows (
    sweep  TEXT NOT NULL,
    row    INTEGER NOT NULL,
    status TEXT NOT NULL,
    body   TEXT NOT NULL,
    PRIMARY KEY (sweep, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX sweep_rows_status ON sweep_rows (sweep, status);

CREATE TABLE exceptions (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    account     TEXT NOT NULL,
    entitlement TEXT NOT NULL,
    until       INTEGER NOT NULL,
    revoked_at  INTEGER,
    body        TEXT NOT NULL
) STRICT;
CREATE INDEX exceptions_seat ON exceptions (account, app, entitlement);
-- So that a list steps over those that have ended without reading them.
CREATE INDEX exceptions_unrevoked ON exceptions (id, until) WHERE revoked_at IS NULL;

-- From here on, personal data: erasing a person deletes from these tables and from no other.

-- Who can be asked, and who else. Whoever has no row can be asked, and nobody manages them.
CREATE TABLE directory (
    person   TEXT PRIMARY KEY,
    manager  TEXT,
    disabled INTEGER NOT NULL DEFAULT 0,
    bot      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_manager ON directory (manager) WHERE manager IS NOT NULL;

CREATE TABLE absences (
    person    TEXT NOT NULL,
    position  INTEGER NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER,
    PRIMARY KEY (person, position)
) STRICT, WITHOUT ROWID;

-- Who stands in for whom.
CREATE TABLE delegations (
    id        TEXT PRIMARY KEY,
    giver     TEXT NOT NULL,
    stand_in  TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX delegations_giver ON delegations (giver);
CREATE INDEX delegations_stand_in ON delegations (stand_in);

CREATE TABLE app_owners (
    app      TEXT NOT NULL,
    position INTEGER NOT NULL,
    person   TEXT NOT NULL,
    PRIMARY KEY (app, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX app_owners_person ON app_owners (person, app);

-- Who operates seatgate by appointment.
CREATE TABLE operators (
    person TEXT PRIMARY KEY,
    since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id          TEXT PRIMARY KEY,
    app         TEXT NOT NULL,
    ext_id      TEXT,
    email       TEXT,
    name        TEXT,
    -- The account that remains. Never a chain: what others merge into has an id, and what has an id is not merged.
    merged_into TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE account_aliases (
    app     TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('id', 'email')),
    value   TEXT NOT NULL,
    account TEXT NOT NULL,
    PRIMARY KEY (app, kind, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX account_aliases_account ON account_aliases (account);
CREATE INDEX account_aliases_email ON account_aliases (value) WHERE kind = 'email';

CREATE TABLE people (
    id   TEXT PRIMARY KEY,
    name TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE identities (
    number   INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,
    person   TEXT NOT NULL REFERENCES people (id)
) STRICT;
CREATE INDEX identities_person ON identities (person);

-- Rows that are received and not answered yet, a row of this table for as many as came together: their digests one after
-- the other, their texts a line each.
CREATE TABLE batches (
    sweep       TEXT NOT NULL REFERENCES sweeps (id),
    first_row   INTEGER NOT NULL,
    -- The number after that of the last row.
    next_row    INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    digests     TEXT NOT NULL,
    texts       TEXT NOT NULL,
    PRIMARY KEY (sweep, first_row)
) STRICT;

CREATE TABLE texts (
    id   TEXT PRIMARY KEY,
    salt TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Whose personal data a text is: it is erased with any of them.
CREATE TABLE text_subjects (
    person TEXT NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (person, text)
) STRICT, WITHOUT ROWID;
