"""Losses and metrics as pure functions, each with its equation and its source."""
