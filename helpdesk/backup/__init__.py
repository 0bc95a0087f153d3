"""All of a desk in one file, and back: rows, stored files and keys.

The rows are those of one moment (one snapshot), taken while the desk runs. Files are written before
the row that names them and never changed, so a copy made after that moment has all of them.
"""
