"""One adapter for each who can send a letter, and file its copy: ours in both colours, and the peers.

Each peer does the job as its own documentation says, with its own idea of reuse. The copy is the letter that was sent,
in Sent, marked as seen. Nothing is imported here: a measured process has only what it measures. `everybody` has all.
"""
