"""Small frozen values shared by every layer."""
