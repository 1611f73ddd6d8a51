"""Servers that mean harm: what they can do at each step of a conversation, and what must come of it.

`behaviours` and `handshakes` say what a server does, `attacks` where it does it and what the client must make of it,
`servers` plays it, `child` runs the client in a process of its own, `verdict` compares the two accounts. One attack
alone: `python -m tests.hostile smtp-greeting-silence`.
"""
