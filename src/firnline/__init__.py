"""Glacier mapping from Landsat and Sentinel-2 scenes."""

__version__ = "0.1.0"
