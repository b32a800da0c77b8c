-- What reviewers touch: batches of similar requests, grants for the rest of a run, one-time codes.

-- The queue, in the order in which requests are due, and what people decided.

-- By way of UTC, which PostgreSQL knows to give the same for the same arguments: what an index needs, and what lets it
-- be computed without a call.
CREATE FUNCTION gp_due(asked_at TIMESTAMP WITH TIME ZONE, sla_seconds INTEGER) RETURNS TIMESTAMP WITH TIME ZONE
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT ((asked_at AT TIME ZONE 'UTC') + make_interval(secs => sla_seconds)) AT TIME ZONE 'UTC' $$;

CREATE INDEX ix_requests_line ON requests (workspace_id, gp_due(asked_at, sla_seconds), id, tier, workflow, action_type)
    WHERE status = 'pending';

CREATE INDEX ix_requests_wished ON requests (workspace_id, requester, gp_due(asked_at, sla_seconds), id)
    WHERE status = 'pending';

CREATE INDEX ix_decisions_person ON decisions (workspace_id, person, at) WHERE person is not null;

ALTER TABLE workspaces ADD COLUMN url TEXT DEFAULT '' NOT NULL;

CREATE TABLE incidents (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    reported_by TEXT NOT NULL,
    person TEXT,
    via TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_incidents PRIMARY KEY (id),
    CONSTRAINT ck_incidents_kind_known CHECK (kind in ('decision','execution','other')),
    CONSTRAINT fk_incidents_request_id FOREIGN KEY(request_id) REFERENCES requests (id)
);

CREATE INDEX ix_incidents_request ON incidents (request_id);

-- What a reviewer allowed for the rest of a run, and the requests that it decided.
CREATE TABLE grants (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    action_type TEXT NOT NULL,
    tier INTEGER NOT NULL,
    any_target BOOLEAN NOT NULL,
    target TEXT,
    up_to NUMERIC,
    currency TEXT,
    times INTEGER NOT NULL,
    rules TEXT[] NOT NULL,
    reasons TEXT[] NOT NULL,
    reason TEXT NOT NULL,
    earlier INTEGER DEFAULT 0 NOT NULL,
    confidence DOUBLE PRECISION,
    fixed JSONB NOT NULL,
    bounded TEXT[] NOT NULL,
    given_by TEXT NOT NULL,
    person TEXT NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    revoked_by TEXT,
    CONSTRAINT pk_grants PRIMARY KEY (id),
    CONSTRAINT fk_grants_run_id FOREIGN KEY(run_id) REFERENCES runs (id),
    CONSTRAINT fk_grants_request_id FOREIGN KEY(request_id) REFERENCES requests (id),
    CONSTRAINT uq_grants_request_id UNIQUE (request_id),
    CONSTRAINT ck_grants_times_some CHECK (times > 0),
    CONSTRAINT ck_grants_forward CHECK (expires_at > given_at),
    CONSTRAINT ck_grants_revoked_whole CHECK ((revoked_at is null) = (revoked_by is null))
);

CREATE INDEX ix_grants_run ON grants (run_id, action_type);

CREATE INDEX ix_grants_newest ON grants (workspace_id, given_at);

CREATE TABLE grant_uses (
    request_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    grant_id TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_grant_uses PRIMARY KEY (request_id),
    CONSTRAINT fk_grant_uses_request_id FOREIGN KEY(request_id) REFERENCES requests (id),
    CONSTRAINT fk_grant_uses_grant_id FOREIGN KEY(grant_id) REFERENCES grants (id)
);

CREATE INDEX ix_grant_uses_grant ON grant_uses (grant_id);

-- Whose authenticator app is known; `secret` is encrypted with a key that the database never sees.
CREATE TABLE authenticators (
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    secret TEXT NOT NULL,
    last_step BIGINT DEFAULT 0 NOT NULL,
    wrong_at TIMESTAMP WITH TIME ZONE[] DEFAULT '{}' NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    enrolled_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    enrolled_by TEXT NOT NULL,
    CONSTRAINT pk_authenticators PRIMARY KEY (workspace_id, user_id)
);

-- Whether a one-time code was taken with the vote.
ALTER TABLE votes ADD COLUMN coded BOOLEAN DEFAULT false NOT NULL;

-- Similar requests on one card. An item is in at most one batch at a time; `seq` says in which order they came.
CREATE TABLE batches (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    action_type TEXT NOT NULL,
    target TEXT NOT NULL,
    tier INTEGER NOT NULL,
    alike TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    reminded_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_batches PRIMARY KEY (id)
);

CREATE INDEX ix_batches_open ON batches (workspace_id, target, alike) WHERE closed_at is null;

CREATE TABLE batch_items (
    batch_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_batch_items PRIMARY KEY (batch_id, request_id),
    CONSTRAINT ck_batch_items_state_known CHECK (state in ('in','odd','left')),
    CONSTRAINT fk_batch_items_batch_id FOREIGN KEY(batch_id) REFERENCES batches (id),
    CONSTRAINT fk_batch_items_request_id FOREIGN KEY(request_id) REFERENCES requests (id)
);

CREATE UNIQUE INDEX ix_batch_items_in ON batch_items (request_id) WHERE state = 'in';

CREATE INDEX ix_batch_items_request ON batch_items (request_id);

-- What happened to items, to be shown on their batches' cards: inserted only, so that nobody waits for anybody here.
CREATE TABLE batch_news (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    workspace_id TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    CONSTRAINT pk_batch_news PRIMARY KEY (id)
);

-- `batch_id`: whose card it is, if not a request's; `folded_in`: the batch that stands for it meanwhile; `alike`: what
-- similar requests share, "" where none can be, null until somebody has looked.
ALTER TABLE cards
    ALTER COLUMN request_id DROP NOT NULL,
    ADD COLUMN batch_id TEXT,
    ADD COLUMN folded_in TEXT,
    ADD COLUMN alike TEXT DEFAULT '',
    ADD CONSTRAINT fk_cards_batch_id FOREIGN KEY(batch_id) REFERENCES batches (id),
    ADD CONSTRAINT fk_cards_folded_in FOREIGN KEY(folded_in) REFERENCES batches (id),
    ADD CONSTRAINT ck_cards_of_one CHECK ((request_id is null) = (batch_id is not null));

-- What is there already has been shown: nobody looks at it again.
ALTER TABLE cards ALTER COLUMN alike DROP DEFAULT;

CREATE UNIQUE INDEX ix_cards_batch ON cards (batch_id, target) WHERE batch_id is not null;

CREATE INDEX ix_cards_unseen ON cards (workspace_id, created_at) WHERE alike is null;

CREATE INDEX ix_cards_alike ON cards (workspace_id, target, alike) WHERE alike > '' and folded_in is null;
