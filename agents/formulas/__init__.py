"""One pure function per formula of reinforcement learning; each ends in its equation."""
