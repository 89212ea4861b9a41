"""A stand-in for Stream's API: its own process, its own SQLite file, standard library only.

It imports nothing of the portal and is reached over HTTP alone. What it does and what is a guess: docs/sandbox.md.
"""
