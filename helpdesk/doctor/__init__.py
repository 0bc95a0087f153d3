"""What is wrong with this installation, and what to do about it: for a terminal and for a page."""
