"""A process killed at every point of a send, and another one that has only the journal and the message."""
