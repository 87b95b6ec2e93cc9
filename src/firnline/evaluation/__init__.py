"""Confusion counts, the scores made of them, and the trivial scores beside them."""
