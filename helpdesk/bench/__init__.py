"""How fast the desk is, told in ratios to a raw floor that is measured in the same run."""
