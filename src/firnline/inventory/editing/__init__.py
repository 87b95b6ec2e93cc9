"""Corrections of outlines: each leaves a valid coverage, without overlaps, with shared edges shared."""
