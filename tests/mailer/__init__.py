"""The Mailer over real sockets and TLS, each test in both colours from one text."""
