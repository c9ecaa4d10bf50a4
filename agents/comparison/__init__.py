"""Agents compared on tasks over seeds: what is run, what came of it, and the page that tells."""
