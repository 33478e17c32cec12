"""In what order things happen: one module a workflow, read top to bottom like a runbook."""
