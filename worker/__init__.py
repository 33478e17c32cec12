"""The control worker and the executor: which queues, which activities, drain, health."""
