"""The training loop and what surrounds it: environments, evaluation, checkpoints."""
