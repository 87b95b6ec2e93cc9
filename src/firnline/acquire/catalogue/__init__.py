"""STAC catalogues: asked, ranked, looked at."""
