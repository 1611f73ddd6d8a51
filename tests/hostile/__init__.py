"""Servers that mean harm: what they can do at each step of a conversation, and what must come of it.

`behaviours`, `specials`, `handshakes`, `body` and `idle` say what a server does, `attacks` where it does it and what
must come of it. `servers` plays it and knows the truth, `child` is the client in a process of its own, `running` brings
both together, `verdict` judges. `clear` and `certificates` are about the way to TLS. One attack alone:
`python -m tests.hostile smtp-greeting-silence --colour aio`.
"""
