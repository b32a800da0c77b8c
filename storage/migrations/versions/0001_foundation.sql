-- The one clock of the database; a simulation replaces this function.
CREATE FUNCTION gp_now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT transaction_timestamp()';

CREATE TABLE audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    workspace_id TEXT NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    run_id TEXT,
    request_id TEXT,
    detail TEXT NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id)
);

CREATE INDEX ix_audit_at ON audit (workspace_id, at);

CREATE INDEX ix_audit_request ON audit (request_id);

CREATE TABLE groups (
    workspace_id TEXT NOT NULL,
    group_id TEXT NOT NULL,
    handle TEXT NOT NULL,
    members TEXT[] NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_groups PRIMARY KEY (workspace_id, group_id)
);

CREATE TABLE owed (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload JSONB NOT NULL,
    not_before TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT 0 NOT NULL,
    last_error TEXT DEFAULT '' NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_owed PRIMARY KEY (id)
);

CREATE INDEX ix_owed_open ON owed (not_before) WHERE done_at is null;

CREATE TABLE people (
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    guest BOOLEAN NOT NULL,
    external BOOLEAN NOT NULL,
    bot BOOLEAN NOT NULL,
    checked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_people PRIMARY KEY (workspace_id, user_id)
);

CREATE TABLE policies (
    version INTEGER GENERATED ALWAYS AS IDENTITY,
    workspace_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    applied_by TEXT NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_policies PRIMARY KEY (version)
);

CREATE INDEX ix_policies_newest ON policies (workspace_id, version);

CREATE TABLE runs (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    key TEXT NOT NULL,
    requester TEXT,
    input TEXT NOT NULL,
    status TEXT NOT NULL,
    outcome TEXT DEFAULT '' NOT NULL,
    interrupt_id TEXT,
    wake_at TIMESTAMP WITH TIME ZONE,
    leased_until TIMESTAMP WITH TIME ZONE,
    fence BIGINT DEFAULT 0 NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    last_error TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_runs PRIMARY KEY (id),
    CONSTRAINT uq_runs_workspace_id_workflow_key UNIQUE (workspace_id, workflow, key),
    CONSTRAINT ck_runs_status_known CHECK (status in ('ready','paused','done','rolled_back','failed','quarantined')),
    CONSTRAINT ck_runs_ready_has_wake_time CHECK ((status = 'ready') = (wake_at is not null)),
    CONSTRAINT ck_runs_paused_has_interrupt CHECK (status <> 'paused' or interrupt_id is not null)
);

CREATE INDEX ix_runs_owed ON runs (wake_at) WHERE status = 'ready';

CREATE INDEX ix_runs_recent ON runs (workspace_id, created_at);

CREATE TABLE workspaces (
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    bot_user TEXT NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_workspaces PRIMARY KEY (id)
);

CREATE TABLE audit_seals (
    seq BIGINT NOT NULL,
    audit_id BIGINT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    key_id TEXT NOT NULL,
    mac TEXT NOT NULL,
    CONSTRAINT pk_audit_seals PRIMARY KEY (seq),
    CONSTRAINT uq_audit_seals_audit_id UNIQUE (audit_id),
    CONSTRAINT fk_audit_seals_audit_id FOREIGN KEY(audit_id) REFERENCES audit (id)
);

CREATE TABLE requests (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    turn INTEGER NOT NULL,
    revision INTEGER DEFAULT 0 NOT NULL,
    kind TEXT NOT NULL,
    parent_id TEXT,
    action_type TEXT NOT NULL,
    canonical TEXT NOT NULL,
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    tier INTEGER NOT NULL,
    route TEXT NOT NULL,
    route_why TEXT[] NOT NULL,
    policy_version INTEGER NOT NULL,
    value NUMERIC,
    currency TEXT,
    effect_class TEXT NOT NULL,
    reversible BOOLEAN NOT NULL,
    form JSONB NOT NULL,
    brief JSONB NOT NULL,
    requester TEXT,
    interrupt_id TEXT,
    subject_effect TEXT,
    approvals_required INTEGER DEFAULT 1 NOT NULL,
    sla_seconds INTEGER NOT NULL,
    next_step_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    decided_at TIMESTAMP WITH TIME ZONE,
    execution_expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_requests PRIMARY KEY (id),
    CONSTRAINT uq_requests_run_id_turn_revision UNIQUE (run_id, turn, revision),
    CONSTRAINT ck_requests_status_known CHECK (status in ('pending','approved','modified','rejected','handled','expired','cancelled')),
    CONSTRAINT ck_requests_kind_known CHECK (kind in ('action','reconcile')),
    CONSTRAINT ck_requests_digest_shape CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_requests_digest_true CHECK (encode(sha256(convert_to(canonical, 'UTF8')), 'hex') = digest),
    CONSTRAINT ck_requests_decided_has_time CHECK ((status = 'pending') = (decided_at is null)),
    CONSTRAINT ck_requests_pending_has_timers CHECK (status <> 'pending' or (next_step_at is not null and expires_at is not null)),
    CONSTRAINT ck_requests_approved_has_window CHECK (status <> 'approved' or execution_expires_at is not null),
    CONSTRAINT ck_requests_reconcile_has_effect CHECK ((kind = 'reconcile') = (subject_effect is not null)),
    CONSTRAINT fk_requests_run_id FOREIGN KEY(run_id) REFERENCES runs (id),
    CONSTRAINT fk_requests_parent_id FOREIGN KEY(parent_id) REFERENCES requests (id),
    CONSTRAINT fk_requests_policy_version FOREIGN KEY(policy_version) REFERENCES policies (version)
);

CREATE INDEX ix_requests_due ON requests (next_step_at) WHERE status = 'pending';

CREATE UNIQUE INDEX ix_requests_one_pending ON requests (run_id) WHERE status = 'pending';

CREATE INDEX ix_requests_queue ON requests (workspace_id, tier, next_step_at) WHERE status = 'pending';

CREATE TABLE cards (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    target TEXT NOT NULL,
    channel TEXT,
    ts TEXT,
    shown INTEGER DEFAULT 0 NOT NULL,
    wanted INTEGER DEFAULT 1 NOT NULL,
    shown_text TEXT DEFAULT '' NOT NULL,
    posted_at TIMESTAMP WITH TIME ZONE,
    not_before TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    attempts INTEGER DEFAULT 0 NOT NULL,
    last_error TEXT DEFAULT '' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_cards PRIMARY KEY (id),
    CONSTRAINT uq_cards_request_id_target UNIQUE (request_id, target),
    CONSTRAINT ck_cards_posted_whole CHECK ((ts is null) = (channel is null)),
    CONSTRAINT ck_cards_shown_not_ahead CHECK (shown <= wanted),
    CONSTRAINT fk_cards_request_id FOREIGN KEY(request_id) REFERENCES requests (id)
);

CREATE UNIQUE INDEX ix_cards_message ON cards (channel, ts) WHERE ts is not null;

CREATE INDEX ix_cards_owed ON cards (not_before) WHERE shown < wanted;

CREATE TABLE decisions (
    request_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    type TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    person TEXT,
    reason TEXT DEFAULT '' NOT NULL,
    digest TEXT NOT NULL,
    via TEXT NOT NULL,
    next_request_id TEXT,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_decisions PRIMARY KEY (request_id),
    CONSTRAINT ck_decisions_type_known CHECK (type in ('approve','edit','reject','respond','expire','cancel')),
    CONSTRAINT ck_decisions_via_known CHECK (via in ('slack','cli','rest','policy','sweep')),
    CONSTRAINT fk_decisions_request_id FOREIGN KEY(request_id) REFERENCES requests (id)
);

CREATE INDEX ix_decisions_at ON decisions (workspace_id, at);

CREATE TABLE effects (
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    undo_of TEXT,
    action_type TEXT NOT NULL,
    effect_class TEXT NOT NULL,
    digest TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER DEFAULT 1 NOT NULL,
    fence BIGINT NOT NULL,
    result JSONB,
    error TEXT DEFAULT '' NOT NULL,
    reconciled_by TEXT,
    intent_at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_effects PRIMARY KEY (id),
    CONSTRAINT ck_effects_status_known CHECK (status in ('intent','done','failed','unknown')),
    CONSTRAINT ck_effects_finished_has_time CHECK ((status = 'intent') = (finished_at is null)),
    CONSTRAINT fk_effects_run_id FOREIGN KEY(run_id) REFERENCES runs (id),
    CONSTRAINT fk_effects_request_id FOREIGN KEY(request_id) REFERENCES requests (id),
    CONSTRAINT fk_effects_undo_of FOREIGN KEY(undo_of) REFERENCES effects (id)
);

CREATE UNIQUE INDEX ix_effects_one_forward ON effects (request_id) WHERE undo_of is null;

CREATE UNIQUE INDEX ix_effects_one_undo ON effects (undo_of) WHERE undo_of is not null;

CREATE INDEX ix_effects_open ON effects (status) WHERE status in ('intent','unknown');

CREATE INDEX ix_effects_run ON effects (run_id);

CREATE TABLE votes (
    request_id TEXT NOT NULL,
    person TEXT NOT NULL,
    digest TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    reason TEXT DEFAULT '' NOT NULL,
    at TIMESTAMP WITH TIME ZONE DEFAULT gp_now() NOT NULL,
    CONSTRAINT pk_votes PRIMARY KEY (request_id, person, digest),
    CONSTRAINT uq_votes_request_id_digest_user_id UNIQUE (request_id, digest, user_id),
    CONSTRAINT fk_votes_request_id FOREIGN KEY(request_id) REFERENCES requests (id)
);

-- What was recorded stays recorded: entries and seals can be added, never changed or removed.
CREATE FUNCTION gp_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION gp_refuse_change();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION gp_refuse_change();
CREATE TRIGGER audit_seals_append_only BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION gp_refuse_change();
CREATE TRIGGER audit_seals_no_truncate BEFORE TRUNCATE ON audit_seals
    FOR EACH STATEMENT EXECUTE FUNCTION gp_refuse_change();

-- A terminal status is terminal, and the action under a digest never changes.
CREATE FUNCTION gp_request_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> 'pending' AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'request % is already %', OLD.id, OLD.status USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.canonical <> OLD.canonical OR NEW.digest <> OLD.digest OR NEW.run_id <> OLD.run_id THEN
        RAISE EXCEPTION 'the action of request % is fixed', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER requests_rules BEFORE UPDATE ON requests
    FOR EACH ROW EXECUTE FUNCTION gp_request_rules();

-- No effect without a decision that approved exactly this action.
CREATE FUNCTION gp_effect_rules() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.undo_of IS NULL AND NOT EXISTS (
        SELECT 1 FROM requests r JOIN decisions d ON d.request_id = r.id
        WHERE r.id = NEW.request_id AND r.status = 'approved' AND r.digest = NEW.digest
          AND d.digest = NEW.digest AND d.type = 'approve'
    ) THEN
        RAISE EXCEPTION 'no approval covers effect %', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER effects_rules BEFORE INSERT ON effects
    FOR EACH ROW EXECUTE FUNCTION gp_effect_rules();
