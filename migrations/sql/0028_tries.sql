-- What was refused or not found is a small part of the trail: who tried a chart is asked of that part alone.
CREATE INDEX audit_events_tried_idx ON public.audit_events (tenant_id, at, id) WHERE outcome <> 'done';
