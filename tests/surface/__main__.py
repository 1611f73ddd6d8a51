"""`python -m tests.surface` writes `surface.txt` anew, after the surface was changed on purpose."""

from pathlib import Path

from .listing import listing

Path(__file__).with_name("surface.txt").write_text("".join(f"{line}\n" for line in listing()))
