"""Local servers that stand in for providers: the wire formats of their APIs, calls signed by code
of their own, and ledgers of what they took and told. They know nothing of this desk's code."""
