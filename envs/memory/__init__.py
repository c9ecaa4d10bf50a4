"""Partially observed worlds: what must be known for the next step is no longer in sight."""
