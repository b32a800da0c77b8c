ALTER TABLE policies ADD COLUMN parts JSONB DEFAULT '{}' NOT NULL;

ALTER TABLE runs ADD COLUMN reversing BOOLEAN DEFAULT false NOT NULL;

CREATE INDEX ix_runs_reversing ON runs (updated_at) WHERE reversing;

ALTER TABLE requests
    ADD COLUMN impact TEXT DEFAULT 'low' NOT NULL,
    ADD COLUMN risk TEXT DEFAULT 'low' NOT NULL,
    ADD COLUMN reasons TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN matched JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN confidence DOUBLE PRECISION,
    ADD COLUMN worth NUMERIC,
    ADD COLUMN target TEXT,
    ADD COLUMN judged JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN review_after BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN checked_policy INTEGER DEFAULT 0 NOT NULL;

ALTER TABLE requests DROP CONSTRAINT ck_requests_kind_known;

ALTER TABLE requests
    ADD CONSTRAINT ck_requests_kind_known CHECK (kind in ('action','reconcile','checkpoint','review')),
    ADD CONSTRAINT ck_requests_impact_known CHECK (impact in ('low','medium','high','critical')),
    ADD CONSTRAINT ck_requests_risk_known CHECK (risk in ('low','medium','high','critical'));

-- A review of what ran alone waits beside its run, not inside it.
DROP INDEX ix_requests_one_pending;

CREATE UNIQUE INDEX ix_requests_one_pending ON requests (run_id) WHERE status = 'pending' and kind <> 'review';

CREATE INDEX ix_requests_checked ON requests (checked_policy) WHERE status = 'pending';

CREATE INDEX ix_requests_past ON requests (workspace_id, workflow, action_type, created_at) WHERE kind = 'action';

CREATE INDEX ix_requests_target ON requests (workspace_id, workflow, target, created_at) WHERE target is not null;

CREATE INDEX ix_requests_requester ON requests (workspace_id, requester, created_at) WHERE worth is not null;

CREATE INDEX ix_requests_rejected ON requests (workspace_id, decided_at) WHERE status = 'rejected' and route <> 'reject';

CREATE INDEX ix_requests_asked ON requests (workspace_id, workflow, action_type, impact, created_at) WHERE kind = 'action' and route <> 'auto';

CREATE INDEX ix_requests_alone ON requests (workspace_id, workflow, action_type, impact, created_at) WHERE kind = 'action' and route = 'auto';

CREATE INDEX ix_effects_window ON effects (workspace_id, intent_at) WHERE undo_of is null;

CREATE INDEX ix_requests_parent ON requests (parent_id) WHERE parent_id is not null;
