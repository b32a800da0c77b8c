ALTER TABLE requests
    ADD COLUMN asked_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN held_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN claimed_by TEXT,
    ADD COLUMN claimed_until TIMESTAMP WITH TIME ZONE,
    ADD COLUMN assigned_to TEXT,
    ADD COLUMN assigned_by TEXT,
    ADD COLUMN assigned_why TEXT DEFAULT '' NOT NULL,
    ADD COLUMN first_tier INTEGER,
    ADD COLUMN moved_why TEXT DEFAULT '' NOT NULL,
    ADD COLUMN reachable BOOLEAN DEFAULT true NOT NULL;

UPDATE requests SET asked_at = created_at, first_tier = coalesce((judged #>> '{opened,tier}')::integer, tier);

-- A process of the release before writes neither: what it opens counts from when it was opened.
CREATE FUNCTION gp_request_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.asked_at := coalesce(NEW.asked_at, NEW.created_at);
    NEW.first_tier := coalesce(NEW.first_tier, NEW.tier);
    RETURN NEW;
END $$;
CREATE TRIGGER requests_asked BEFORE INSERT ON requests
    FOR EACH ROW EXECUTE FUNCTION gp_request_asked();

ALTER TABLE requests
    ALTER COLUMN asked_at SET NOT NULL,
    ALTER COLUMN first_tier SET NOT NULL,
    ADD CONSTRAINT ck_requests_claimed_whole CHECK ((claimed_by is null) = (claimed_until is null)),
    ADD CONSTRAINT ck_requests_assigned_whole CHECK ((assigned_by is null) = (assigned_to is null));

CREATE INDEX ix_requests_frozen ON requests (workspace_id, workflow) WHERE status = 'pending';

CREATE INDEX ix_requests_stranded ON requests (created_at) WHERE status = 'pending' AND NOT reachable;

-- The places of the graph in which a run paused; whether a release without that place set it aside.
ALTER TABLE runs
    ADD COLUMN graph TEXT DEFAULT '' NOT NULL,
    ADD COLUMN displaced BOOLEAN DEFAULT false NOT NULL;

CREATE INDEX ix_runs_turn ON runs (workflow, wake_at) WHERE status = 'ready';

CREATE INDEX ix_runs_paused ON runs (graph) WHERE status = 'paused';

CREATE INDEX ix_runs_aside ON runs (updated_at) WHERE status = 'quarantined';

-- Who was away, in whose place alone somebody decided.
ALTER TABLE decisions ADD COLUMN acting_for TEXT;

-- `rank`: what is owed first; `tries`: attempts that may have reached Slack; `rerouted`: shown elsewhere meanwhile.
ALTER TABLE cards
    ADD COLUMN tier INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN rank INTEGER DEFAULT 3 NOT NULL,
    ADD COLUMN due_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    ADD COLUMN tries INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN rerouted BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN owed_since TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL;

-- Since when a rendering has been owed without a break, whoever wanted it.
CREATE FUNCTION gp_card_owed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        new.owed_since := gp_now();
        RETURN new;
    END
$$;

CREATE TRIGGER cards_owed BEFORE UPDATE ON cards
    FOR EACH ROW WHEN (old.shown >= old.wanted AND new.shown < new.wanted) EXECUTE FUNCTION gp_card_owed();

UPDATE cards SET tier = requests.tier, tries = cards.attempts
    FROM requests WHERE requests.id = cards.request_id;

CREATE INDEX ix_cards_new ON cards (workspace_id, target, rank, due_at) WHERE ts is null and shown < wanted;

CREATE INDEX ix_cards_renewed ON cards (workspace_id, rank, not_before) WHERE ts is not null and shown < wanted;

CREATE INDEX ix_cards_stranded ON cards (workspace_id, created_at)
    WHERE ts is null and shown < wanted and not rerouted;

-- `target`: in whose turn it is said, as in paces; "": in nobody's.
ALTER TABLE owed
    ADD COLUMN target TEXT DEFAULT '' NOT NULL,
    ADD COLUMN tries INTEGER DEFAULT 0 NOT NULL;

UPDATE owed SET tries = attempts;

CREATE INDEX ix_owed_turn ON owed (workspace_id, target, not_before) WHERE done_at is null;

CREATE INDEX ix_cards_request ON cards (request_id);

CREATE INDEX ix_cards_posted ON cards (workspace_id, posted_at) WHERE posted_at is not null;

-- When a channel (or a method of Slack's) may next be spoken to, by whichever process.
CREATE TABLE paces (
    workspace_id TEXT NOT NULL,
    target TEXT NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    problem TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_paces PRIMARY KEY (workspace_id, target)
);

CREATE TABLE stops (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    workspace_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    stopped_by TEXT NOT NULL,
    person TEXT,
    reason TEXT DEFAULT '' NOT NULL,
    via TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lifted_by TEXT,
    lift_reason TEXT DEFAULT '' NOT NULL,
    shown BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_stops PRIMARY KEY (id),
    CONSTRAINT ck_stops_lifted_whole CHECK ((lifted_at is null) = (lifted_by is null))
);

CREATE UNIQUE INDEX ix_stops_in_force ON stops (workspace_id, workflow) WHERE lifted_at is null;

CREATE INDEX ix_stops_at ON stops (workspace_id, at);

-- Who is on call, as the calendars say, expanded.
CREATE TABLE shifts (
    workspace_id TEXT NOT NULL,
    source TEXT NOT NULL,
    user_id TEXT NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_shifts PRIMARY KEY (workspace_id, source, user_id, starts_at),
    CONSTRAINT ck_shifts_forward CHECK (ends_at > starts_at)
);

CREATE TABLE rosters (
    workspace_id TEXT NOT NULL,
    source TEXT NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    problem TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_rosters PRIMARY KEY (workspace_id, source)
);

CREATE TABLE absences (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    deputy_id TEXT,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_absences PRIMARY KEY (id),
    CONSTRAINT ck_absences_forward CHECK (ends_at >= starts_at)
);

CREATE INDEX ix_absences_until ON absences (workspace_id, ends_at);

CREATE TABLE questions (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    question TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    answered_by TEXT,
    answer TEXT DEFAULT '' NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE,
    answered_in TEXT DEFAULT '' NOT NULL,
    agent_due_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now(),
    CONSTRAINT pk_questions PRIMARY KEY (id),
    CONSTRAINT ck_questions_answered_whole CHECK ((answered_at is null) = (answered_by is null)),
    CONSTRAINT fk_questions_request_id FOREIGN KEY(request_id) REFERENCES requests (id)
);

CREATE INDEX ix_questions_request ON questions (request_id);

CREATE INDEX ix_questions_for_agents ON questions (agent_due_at) WHERE agent_due_at is not null;

CREATE TABLE health (
    workspace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    ok_since TIMESTAMP WITH TIME ZONE,
    last_ok_at TIMESTAMP WITH TIME ZONE,
    last_problem_at TIMESTAMP WITH TIME ZONE,
    problem TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_health PRIMARY KEY (workspace_id, name)
);

CREATE TABLE digests (
    workspace_id TEXT NOT NULL,
    week TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    figures JSONB NOT NULL,
    CONSTRAINT pk_digests PRIMARY KEY (workspace_id, week)
);
