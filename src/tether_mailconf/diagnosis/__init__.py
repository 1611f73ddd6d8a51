"""From an error to what a person can do about it: which step failed, why, who can mend it, how, and whether to retry.

The act is `explain.explain`; `finding.Finding` is its result. What is known is data: `causes.toml` leads from answers
to causes, `texts.toml` from causes to sentences, so that a host can bring its own. Nothing here asks a server, and
nothing here decides: an answer that is not known gets a general cause, never a special one that might be wrong.
"""

from __future__ import annotations

from .finding import Finding, Retry
from .texts import Wording, wordings

__all__ = ["Finding", "Retry", "Wording", "wordings"]
