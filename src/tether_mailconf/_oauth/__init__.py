"""Signing in at OAuth issuers, over the port: the issuers, the sign-in itself, and tokens that stay fresh."""
