"""Knowledge of the wire: SMTP submission, and the part of IMAP that filing a sent message needs.

Only what sending and filing needs is written here: no fetching of bodies, no IDLE, no synchronisation. `smtp_reply`,
`imap_response`, `imap_syntax` and `sasl` are pure: bytes to values, every limit an argument. `smtp` and `imap` are the
conversations, over the port. Nothing here knows sockets, threads, event loops, or what a Sent folder is for.
"""
