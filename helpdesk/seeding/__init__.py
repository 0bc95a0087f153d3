"""Fills an empty desk with a made-up history, large enough to measure on."""
