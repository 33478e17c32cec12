"""The database side of workflows: one transaction around one domain call."""
