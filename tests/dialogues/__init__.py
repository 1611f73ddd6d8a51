"""Dialogues as text: what client and server say, played without a socket. `player` tells how one is written."""
