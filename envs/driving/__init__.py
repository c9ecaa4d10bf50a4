"""The driving simulator."""
