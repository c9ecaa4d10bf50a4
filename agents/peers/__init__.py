"""Agents of other libraries, trained, judged and kept as ours are."""
