"""What agents remember of their experience."""
