"""From products to one analysis-ready scene."""
