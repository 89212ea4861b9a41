"""Real processes, killed and stopped at named points while they work on real rows and call a real stand-in for Stream.

Each round is a few tickets, a storm and a calm: seeded, so that it can be had again. Afterwards what the stand-in
accepted is compared with what the portal says, which is the only judge. `make chaos` runs as many rounds as you like.
"""
