"""What may happen to a desk, each rule one verb through its own door; refusals are part of the game,
and change nothing."""
