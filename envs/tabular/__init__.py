"""Finite worlds: states that can be counted, with known chances and rewards."""
