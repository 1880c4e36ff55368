-- What was released of each dataset, for the checkpoint: one sealed page for each release that told something
-- new. Written in the transaction of the release, so that neither is there without the other.

CREATE TABLE ledger_pages (
    dataset TEXT NOT NULL,
    -- From 1, without gaps.
    position INTEGER NOT NULL,
    -- The release's entry.
    outbox INTEGER NOT NULL UNIQUE REFERENCES outbox (seq),
    -- SHA-256, in hexadecimal, of the page before's value here and this page's bytes.
    chain TEXT NOT NULL,
    -- The sealed page.
    bytes BLOB NOT NULL,
    PRIMARY KEY (dataset, position)
) STRICT;
