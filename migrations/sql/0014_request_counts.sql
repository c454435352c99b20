-- How much anybody asks: one row a kind and subject, written once a block of requests; subjects are SHA-256.
CREATE TABLE request_counts (
    kind TEXT NOT NULL,
    subject BYTEA NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    taken INTEGER NOT NULL,
    CONSTRAINT request_counts_pkey PRIMARY KEY (kind, subject)
) WITH (fillfactor = 70);
