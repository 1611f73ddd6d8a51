"""A test send at a simulated provider, and what it shows."""

from __future__ import annotations

import attrs

from tests.simulated import PASSWORD, Provider
from tether_mailconf import AppPassword, Filer, Outcome, Trial
from tether_mailconf.delivery.dispatch import Dispatch
from tether_mailconf.diagnosis.trial import judge
from tether_mailconf.sandbox.personality import PLAIN, Personality

WORKS, FAILS, UNSURE = Outcome.WORKS, Outcome.DOES_NOT_WORK, Outcome.COULD_NOT_TELL


def tried(
    personality: Personality | Provider = PLAIN,
    *,
    to: str | None = None,
    filer: Filer = Filer.UNKNOWN,
    imap: bool = True,
    password: str = PASSWORD,
    seconds: float = 60,
    clean_up: bool = False,
) -> Trial:
    """Make a test send at a simulated provider."""
    provider = personality if isinstance(personality, Provider) else Provider(personality)
    settings = provider.settings(filer=filer)
    if not imap:
        settings = attrs.evolve(settings, imap=None, imap_user="")
    dispatch = Dispatch(provider, settings, AppPassword(password), None, 2)
    return judge(provider.world.run(dispatch.test(to, seconds=seconds, clean_up=clean_up)))


def outcomes(trial: Trial) -> dict[str, Outcome]:
    """Return how each step went."""
    return {one.step.value: one.outcome for one in trial.steps}


def causes(trial: Trial) -> list[str]:
    """Return the causes of all findings."""
    return [finding.cause for finding in trial.findings]


CHAIN = {"body": WORKS, "arrival": WORKS, "sender": WORKS, "append": WORKS}
