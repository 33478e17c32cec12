"""How Mulligan gets onto machines: what it needs, what starts it, what boots there."""
