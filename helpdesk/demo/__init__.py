"""The demo: who plays in it, what has happened there, and the pages that only it has."""
