"""Activations, layers, losses, optimisers, metrics: pure functions, each with its equation and its source."""
