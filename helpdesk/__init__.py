"""Wiring: settings, urls, processes and the launcher. No domain rules live here."""
