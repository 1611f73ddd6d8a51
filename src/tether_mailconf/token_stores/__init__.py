"""Where tokens may be kept: in memory, or in an encrypted file."""
