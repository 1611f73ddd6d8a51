"""Sending and filing in a simulated world: outcomes at every byte, flights, and dialogues as text."""
