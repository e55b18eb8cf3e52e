-- Times are microseconds since 1970 in UTC, as the domain has them: no session's time zone reads them differently, no
-- infinity gets in, nothing is rounded (to read one: to_timestamp(at / 1e6)). Ids, digests and salts are texts, compared
-- byte by byte wherever their order counts, whatever the database's own collation is. Bodies are JSON with a version and
-- stay texts: nothing is searched for in them, and a trail's entry must come back byte for byte.

-- The end of each chain. A change compares and sets `version`; everything else that it writes stands behind that.
CREATE TABLE streams (
    stream  text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    head    text NOT NULL
) WITH (fillfactor = 60); -- a row is written again a few times soon: with room on its page, its index is not

CREATE TABLE events (
    stream    text COLLATE "C" NOT NULL,
    seq       bigint NOT NULL,
    change_id text COLLATE "C" NOT NULL,
    kind      text COLLATE "C" NOT NULL,
    at        bigint NOT NULL,
    hash      text NOT NULL,
    body      text NOT NULL,
    PRIMARY KEY (stream, seq)
);
CREATE INDEX events_change ON events (stream, change_id);

CREATE TABLE requests (
    id         text COLLATE "C" PRIMARY KEY,
    state      text COLLATE "C" NOT NULL,
    mode       text COLLATE "C" NOT NULL,
    app        text COLLATE "C",
    opened_at  bigint NOT NULL,
    closed_at  bigint,
    -- Until when the answer keeps the seat.
    kept_until bigint,
    -- What a sweep's notice counts: which channel hears it, how it ended, and what the seat costs a month.
    sweep      text COLLATE "C",
    channel    text COLLATE "C",
    outcome    text COLLATE "C",
    cost       bigint,
    currency   text COLLATE "C",
    -- The person who decided.
    decider    text COLLATE "C",
    -- Who holds the seat, or leaves; then the playbook.
    holder     text COLLATE "C",
    playbook   text,
    body       text NOT NULL
) WITH (toast_tuple_target = 8160);
CREATE INDEX requests_state ON requests (state, id);
CREATE INDEX requests_kept ON requests (id, kept_until) WHERE kept_until IS NOT NULL;
CREATE INDEX requests_sweep ON requests (sweep, mode) INCLUDE (channel, state, outcome, currency, cost);
CREATE INDEX requests_decider ON requests (decider, id) WHERE decider IS NOT NULL;
CREATE INDEX requests_holder ON requests (holder, state, id) WHERE holder IS NOT NULL;
CREATE INDEX requests_offboarding ON requests (id) WHERE playbook IS NOT NULL;

-- Who was asked, with what one person's lists are filtered by: so each of them is one range of one index.
CREATE TABLE request_asked (
    person     text COLLATE "C" NOT NULL,
    request    text COLLATE "C" NOT NULL,
    state      text COLLATE "C" NOT NULL,
    -- Until when the request's answer keeps the seat.
    kept_until bigint,
    PRIMARY KEY (person, request)
);
CREATE INDEX request_asked_request ON request_asked (request);
CREATE INDEX request_asked_state ON request_asked (person, state, request);
CREATE INDEX request_asked_kept ON request_asked (person, request, kept_until) WHERE kept_until IS NOT NULL;

-- The offboarding table: one row a task, with its result. Written with the state, for reading by people and reports.
CREATE TABLE tasks (
    request           text COLLATE "C" NOT NULL,
    id                text COLLATE "C" NOT NULL,
    position          int NOT NULL,
    name              text NOT NULL,
    status            text COLLATE "C" NOT NULL,
    attempts          int NOT NULL,
    pause             int,
    may_have_happened boolean NOT NULL,
    proof             text COLLATE "C",
    -- What was said of it once it is done; else why it was left out.
    receipt           text,
    -- When its first attempt began, and when it last came to stand otherwise.
    began_at          bigint,
    updated_at        bigint,
    PRIMARY KEY (request, id)
) WITH (fillfactor = 70);

-- What a decided request saves or does not, written with its state. Without a currency, nobody has said the seat's cost.
CREATE TABLE savings (
    request      text COLLATE "C" PRIMARY KEY,
    month        text COLLATE "C" NOT NULL,
    app          text COLLATE "C" NOT NULL,
    standing     text COLLATE "C" NOT NULL,
    proof        text COLLATE "C",
    -- For a removal that the target scheduled.
    effective_at bigint,
    currency     text COLLATE "C",
    minor        bigint NOT NULL
);
CREATE INDEX savings_lines ON savings (month, app, standing) INCLUDE (proof, effective_at, currency, minor);

CREATE TABLE seats (
    app          text COLLATE "C" NOT NULL,
    account      text COLLATE "C" NOT NULL,
    entitlement  text COLLATE "C" NOT NULL,
    generation   bigint NOT NULL,
    open_request text COLLATE "C",
    -- Until when nobody is asked about it.
    quiet_until  bigint,
    PRIMARY KEY (app, account, entitlement)
);
CREATE INDEX seats_account ON seats (account);
CREATE INDEX seats_open ON seats (open_request) WHERE open_request IS NOT NULL;

CREATE TABLE agenda (
    key         text COLLATE "C" PRIMARY KEY,
    item        text NOT NULL,
    due         bigint NOT NULL,
    lane        text COLLATE "C",
    gated       boolean NOT NULL,
    wanted      bigint NOT NULL DEFAULT 1,
    tries       int NOT NULL DEFAULT 0,
    -- The fencing token of the last claim; none once its lease was settled.
    token       bigint,
    -- By the store's clock. In the past: the lease was lost.
    lease_until bigint
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000); -- a queue: most rows go soon
-- What has no lane stands together at the end of it.
CREATE INDEX agenda_lane ON agenda (lane, due, key);
-- By lane, so that the entries of leases that ended make room for those of the next ones.
CREATE INDEX agenda_leased ON agenda (lane) WHERE lease_until IS NOT NULL;

-- Fencing tokens: one sequence for all items, so that an item's tokens rise even if it goes and comes back.
CREATE SEQUENCE agenda_token;

CREATE TABLE lanes (
    lane       text COLLATE "C" PRIMARY KEY,
    not_before bigint NOT NULL,
    failures   int NOT NULL
);

CREATE TABLE cards (
    id           text COLLATE "C" PRIMARY KEY,
    -- Either who is asked, or which channel hears about which sweep.
    approver     text COLLATE "C",
    sweep        text COLLATE "C",
    channel      text COLLATE "C",
    posted       text,
    copies       text NOT NULL DEFAULT '[]',
    shown        text,
    delivered_at bigint,
    delivered    int NOT NULL DEFAULT 0,
    page         int NOT NULL DEFAULT 0,
    ambiguous    boolean NOT NULL,
    -- How often it was written: whoever writes it compares and sets this.
    version      bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

CREATE TABLE card_requests (
    card    text COLLATE "C" NOT NULL,
    request text COLLATE "C" NOT NULL,
    PRIMARY KEY (card, request)
);
CREATE INDEX card_requests_request ON card_requests (request);

CREATE TABLE sweeps (
    id           text COLLATE "C" PRIMARY KEY,
    submitted_by text NOT NULL,
    received_at  bigint NOT NULL,
    -- The rows of all of its deliveries.
    row_count    int NOT NULL,
    -- The delivery that brought it. Others may have joined.
    delivery     text COLLATE "C"
);

CREATE TABLE inbound_ids (
    id          text COLLATE "C" PRIMARY KEY,
    digest      text NOT NULL,
    sweep       text COLLATE "C" NOT NULL REFERENCES sweeps (id),
    first_row   int NOT NULL,
    received_at bigint NOT NULL
);

CREATE TABLE sweep_rows (
    sweep  text COLLATE "C" NOT NULL,
    row    int NOT NULL,
    status text COLLATE "C" NOT NULL,
    body   text NOT NULL,
    PRIMARY KEY (sweep, row)
);
CREATE INDEX sweep_rows_status ON sweep_rows (sweep, status);

CREATE TABLE exceptions (
    id          text COLLATE "C" PRIMARY KEY,
    app         text COLLATE "C" NOT NULL,
    account     text COLLATE "C" NOT NULL,
    entitlement text COLLATE "C" NOT NULL,
    until       bigint NOT NULL,
    revoked_at  bigint,
    body        text NOT NULL
);
CREATE INDEX exceptions_seat ON exceptions (account, app, entitlement);
-- So that a list steps over those that have ended without reading them.
CREATE INDEX exceptions_unrevoked ON exceptions (id, until) WHERE revoked_at IS NULL;

-- From here on, personal data: erasing a person deletes from these tables and from no other.

CREATE TABLE accounts (
    id          text COLLATE "C" PRIMARY KEY,
    app         text COLLATE "C" NOT NULL,
    ext_id      text COLLATE "C",
    email       text COLLATE "C",
    name        text,
    -- The account that remains. Never a chain: what others merge into has an id, and what has an id is not merged.
    merged_into text COLLATE "C"
);

CREATE TABLE account_aliases (
    app     text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL CHECK (kind IN ('id', 'email')),
    value   text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    PRIMARY KEY (app, kind, value)
);
CREATE INDEX account_aliases_account ON account_aliases (account);
CREATE INDEX account_aliases_email ON account_aliases (value) WHERE kind = 'email';

CREATE TABLE people (
    id   text COLLATE "C" PRIMARY KEY,
    name text
);

CREATE TABLE identities (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity text COLLATE "C" NOT NULL UNIQUE,
    person   text COLLATE "C" NOT NULL
);
CREATE INDEX identities_person ON identities (person);

CREATE TABLE texts (
    id   text COLLATE "C" PRIMARY KEY,
    salt text NOT NULL,
    body text NOT NULL
);

-- Whose personal data a text is: it is erased with any of them.
CREATE TABLE text_subjects (
    person text COLLATE "C" NOT NULL,
    text   text COLLATE "C" NOT NULL,
    PRIMARY KEY (person, text)
);
