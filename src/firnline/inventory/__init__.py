"""From a class raster to outlines that open in QGIS."""
