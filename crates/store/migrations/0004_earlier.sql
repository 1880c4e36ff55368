-- An answer may be the one that the same question had before few people left the dataset: the version that was to be
-- read is then another than the one that the answer is of.

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
    results.sha256 AS release_sha256,
    -- The version that was to be read, where the answer is an earlier one to the same question.
    checking.snapshot AS stands_for
FROM jobs
JOIN job_states ON job_states.job = jobs.seq
JOIN outbox ON outbox.seq = job_states.outbox AND outbox.log_index IS NOT NULL
JOIN job_states AS accepted ON accepted.job = jobs.seq AND accepted.version = 1
LEFT JOIN results ON results.job = jobs.seq AND job_states.state = 'released'
LEFT JOIN job_states AS checking ON checking.job = jobs.seq AND checking.version = job_states.version - 1
    AND job_states.state IN ('released', 'held') AND checking.snapshot <> job_states.snapshot;

-- The newest visible state of each job.
CREATE VIEW visible_jobs AS
SELECT * FROM visible_states AS present
WHERE NOT EXISTS (
    SELECT 1 FROM job_states AS later
    JOIN outbox ON outbox.seq = later.outbox AND outbox.log_index IS NOT NULL
    WHERE later.job = present.seq AND later.version > present.version
);
