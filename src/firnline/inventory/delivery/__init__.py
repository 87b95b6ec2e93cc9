"""Inventories in the forms that others take: RGI 7, GLIMS, OGGM, and the common vector formats."""
