"""Classifiers of single pixels, and of segments of similar pixels."""
