"""An OAuth authorization server on loopback (RFC 6749, OpenID Connect), where the people of a sandbox sign in."""
