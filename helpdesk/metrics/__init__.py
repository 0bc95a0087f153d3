"""Figures for operators: counted in each process, added up in Redis, or read from the tables.

None of them holds a word somebody wrote, a name or an address.
"""
