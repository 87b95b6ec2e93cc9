"""Getting scenes: catalogues and products on disk to one analysis-ready scene."""
