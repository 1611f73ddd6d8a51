"""The Mailer, in both colours, against mail servers that other people wrote."""
