"""From outlines to class rasters."""
