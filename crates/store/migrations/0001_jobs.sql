-- Jobs, the states that they went through, their results, and the outbox of the audit log.
--
-- Rows are only ever added; the one thing that is filled in later is outbox.log_index. A row that
-- refers to an outbox row without log_index is not visible: its entry is not in the log yet.
-- Readers use the views, which leave such rows out.

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The entry's id, unique in the log.
    id TEXT NOT NULL UNIQUE,
    -- The entry as it is hashed.
    entry BLOB NOT NULL,
    -- Its index in the log; NULL until it is there.
    log_index INTEGER UNIQUE
) STRICT;

CREATE INDEX outbox_pending ON outbox (seq) WHERE log_index IS NULL;

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    job TEXT NOT NULL,
    request_id TEXT,
    sql TEXT NOT NULL,
    submitter TEXT NOT NULL,
    organisation TEXT NOT NULL,
    UNIQUE (project, job)
) STRICT;

CREATE UNIQUE INDEX jobs_request ON jobs (project, submitter, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE job_states (
    job INTEGER NOT NULL REFERENCES jobs (seq),
    -- 1 is the state of the accepted job.
    version INTEGER NOT NULL,
    outbox INTEGER NOT NULL UNIQUE REFERENCES outbox (seq),
    state TEXT NOT NULL,
    -- Milliseconds since 1970-01-01T00:00:00Z.
    entered_at INTEGER NOT NULL,
    snapshot TEXT,
    policy_profile TEXT,
    policy_sha256 TEXT,
    problem_code TEXT,
    problem_message TEXT,
    problem_hint TEXT,
    problem_line INTEGER,
    problem_column INTEGER,
    PRIMARY KEY (job, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE results (
    job INTEGER PRIMARY KEY REFERENCES jobs (seq),
    -- SHA-256 of the released Arrow stream, in hexadecimal.
    sha256 TEXT NOT NULL,
    -- The sealed result.
    bytes BLOB NOT NULL
) STRICT;

CREATE VIEW visible_states AS
SELECT
    jobs.seq, jobs.project, jobs.job, jobs.request_id, jobs.sql, jobs.submitter, jobs.organisation,
    accepted.entered_at AS accepted_at,
    job_states.version, job_states.state, job_states.entered_at, job_states.snapshot,
    job_states.policy_profile, job_states.policy_sha256,
    job_states.problem_code, job_states.problem_message, job_states.problem_hint,
    job_states.problem_line, job_states.problem_column,
    outbox.log_index,
    results.sha256 AS release_sha256
FROM jobs
JOIN job_states ON job_states.job = jobs.seq
JOIN outbox ON outbox.seq = job_states.outbox AND outbox.log_index IS NOT NULL
JOIN job_states AS accepted ON accepted.job = jobs.seq AND accepted.version = 1
LEFT JOIN results ON results.job = jobs.seq AND job_states.state = 'released';

-- The newest visible state of each job.
CREATE VIEW visible_jobs AS
SELECT * FROM visible_states AS present
WHERE NOT EXISTS (
    SELECT 1 FROM job_states AS later
    JOIN outbox ON outbox.seq = later.outbox AND outbox.log_index IS NOT NULL
    WHERE later.job = present.seq AND later.version > present.version
);
