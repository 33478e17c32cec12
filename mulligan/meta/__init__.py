"""Names: uuid ⇄ name ⇄ slug. The only tables that have them."""
