"""Preflight: what a scene really is, before a model sees it."""
