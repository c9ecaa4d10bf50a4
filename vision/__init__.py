"""Perception: from camera frames to what a policy needs. Imports nothing of the other packages."""
