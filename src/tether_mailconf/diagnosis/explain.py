"""The act of this room: from an error, or a receipt, to the finding that a person and a program can use."""

from __future__ import annotations

from collections.abc import Mapping

from .._oauth.causes import Mender
from .._oauth.errors import IssuerFailed, OAuthError
from ..delivery.receipt import Receipt
from ..errors import MailconfError, Step
from ..presets import by_server
from ..settings import ConnectionSettings, Endpoint
from . import rules
from .evidence import Evidence, gather
from .finding import Finding, Retry
from .texts import Text, Wording
from .texts import texts as english


def explain(
    error: MailconfError | Receipt,
    settings: ConnectionSettings | None = None,
    *,
    texts: Mapping[str, Wording] | None = None,
) -> Finding:
    """Say what went wrong, why, who can mend it and how, and whether to try again.

    What a server said is compared with the answers that are known of its provider, and then with those of any server.
    Whose server it was is decided by its name, never by what it says. An answer that is not known gets a general cause,
    by the step and the class of the answer. Asks nobody, and never raises for an error of this library.

    Args:
        error: the error, or a receipt of a message that was not sent, may have been sent, or has no copy yet.
        settings: the settings that were used. Without them, it is not always known whose server it was, or what was
            signed in with.
        texts: sentences in another language, by cause; `tether_mailconf.diagnosis.wordings()` has what there is to
            translate. What is missing is said in English.
    """
    if isinstance(error, OAuthError):
        return _of_sign_in(error, texts or {})
    evidence = gather(error, settings)
    rule, said = rules.find(evidence)
    text = english()[rule.cause]
    wording = (texts or {}).get(rule.cause, text.wording)
    seconds = error.retry_after if isinstance(error, IssuerFailed) else None
    return Finding(
        step=evidence.step,
        cause=rule.cause,
        mender=text.mender,
        sentence=wording.sentence,
        remedy=wording.remedy,
        links=text.links or _links(evidence, text),
        retry=rule.retry or text.retry,
        retry_after=text.retry_after if seconds is None else seconds,
        words=said.words,
        detail=evidence.detail,
        is_trusted=evidence.is_trusted,
        endpoint=evidence.endpoint,
    )


def found(cause: str, step: Step, *, endpoint: Endpoint | None = None, detail: str = "") -> Finding:
    """Return the finding of a cause that was seen without anybody's answer.

    Args:
        cause: one of `texts.toml`.
        step: what was being done.
        endpoint: the server it is about.
        detail: what was seen.
    """
    text = english()[cause]
    return Finding(
        step=step,
        cause=cause,
        mender=text.mender,
        sentence=text.wording.sentence,
        remedy=text.wording.remedy,
        links=text.links,
        retry=text.retry,
        retry_after=text.retry_after,
        detail=detail,
        endpoint=endpoint,
    )


def _of_sign_in(error: OAuthError, translated: Mapping[str, Wording]) -> Finding:
    """Return the finding of a sign-in at an issuer, which knows its own cause."""
    wording = translated.get(error.code, Wording(sentence=error.sentence, remedy=(error.remedy,)))
    return Finding(
        step=Step.TOKEN,
        cause=error.code,
        mender=error.mender,
        sentence=wording.sentence,
        remedy=wording.remedy,
        retry=Retry.AFTER_REMEDY if error.mender is Mender.ADMINISTRATOR else Retry.NEVER,
        words=error.detail,
    )


def _links(evidence: Evidence, text: Text) -> tuple[str, ...]:
    """Return the provider's pages about what a person must do first there, for a sign-in that failed in general."""
    if evidence.step is not Step.SIGN_IN or text.mender is not Mender.PERSON or evidence.endpoint is None:
        return ()
    preset = by_server(evidence.endpoint.host)
    return () if preset is None else tuple(dict.fromkeys(first.url for first in preset.first if first.url))
