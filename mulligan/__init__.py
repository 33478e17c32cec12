"""The domain: what is true about inventory, claims, machines and their states."""
