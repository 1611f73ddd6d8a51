"""Attacks: servers, texts, bodies and documents that want something of us, and get nothing."""
