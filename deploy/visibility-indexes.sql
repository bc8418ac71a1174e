-- Temporal makes 73 indexes on its visibility table, for all that anybody might list by, and
-- every row is written to each of them when a workflow starts and again when it ends. These are the
-- ones that Hookwright's lists use; docs/decisions/0027-postgresql.md tells what the others cost.
-- Safe to repeat, and while Temporal runs. Only the speed of a list depends on an index.
--
-- Do not run it on a Temporal that others use, too: they may list by something else.

SET lock_timeout = '10s';

DO $$
DECLARE
  unused text;
BEGIN
  FOR unused IN
    SELECT indexname FROM pg_indexes
    WHERE schemaname = current_schema() AND tablename = 'executions_visibility'
      AND indexname !~ '_pkey$'
      AND indexname NOT IN
        ('default_idx', 'by_execution_time', 'by_workflow_id', 'by_workflow_type', 'by_status')
      AND indexname !~ '^by_(keyword|datetime)_[0-9]+$'
  LOOP
    EXECUTE format('DROP INDEX IF EXISTS %I', unused);
  END LOOP;
END
$$;
