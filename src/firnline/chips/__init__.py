"""Chips: tables of windows over scenes; filters, splits, audits, statistics, and published data sets."""
