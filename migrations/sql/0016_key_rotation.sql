-- A tenant's column key has an age: it seals from a moment on, when every process has it, until a newer one does.
ALTER TABLE public.tenant_keys
    ADD COLUMN sealing_from timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN retired_at timestamptz;
