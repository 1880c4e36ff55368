-- What comes with the text of an analysis: the values of its parameters, and its code lists.

-- A JSON list of [type, value as text], in the order of $1, $2; NULL if there are none.
ALTER TABLE jobs ADD COLUMN parameters TEXT;
-- A JSON list of [name, SHA-256 of the CSV in hexadecimal], in the order of the request; NULL if there are
-- none.
ALTER TABLE jobs ADD COLUMN lists TEXT;

CREATE TABLE job_lists (
    job INTEGER NOT NULL REFERENCES jobs (seq),
    -- From 0, in the order of the request.
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- As it was sent.
    csv TEXT NOT NULL,
    PRIMARY KEY (job, position)
) STRICT;

DROP VIEW visible_jobs;
DROP VIEW visible_states;

CREATE VIEW visible_states AS
SELECT
    jobs.seq, jobs.project, jobs.job, jobs.request_id, jobs.sql, jobs.parameters, jobs.lists,
    jobs.submitter, jobs.organisation,
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
