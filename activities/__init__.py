"""What touches the world: hardware in the noun modules, the database in `records`.

`contracts` has names and payloads.
"""
