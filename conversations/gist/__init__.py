"""What a handoff can know by itself: promises found in texts, and a packet filled from a thread.

Values in, values out: no database, no clock, no settings.
"""
