"""Accounts, projects, roles, regions and the keys that sign tokens: one per installation."""
