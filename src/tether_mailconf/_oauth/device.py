"""The device authorization grant (RFC 8628): a code is entered in a browser elsewhere, while we ask whether it was."""

from __future__ import annotations

from datetime import timedelta

import attrs

from .._ports import IO, Deadline
from ..errors import ConversationError, InvalidSettings, Problem, Step, TimedOut, printable
from ..secret import Secret
from . import causes
from .client import Client
from .errors import IssuerRefused, SignInFailed
from .exchange import REQUEST_SECONDS, Denied, Granted, ask, failure, read_object
from .pending import PendingDevice

_INTERVAL = 5.0
"""Seconds between two questions, and what `slow_down` adds (RFC 8628 sections 3.2 and 3.5)."""

_LONGEST_INTERVAL = 60.0
_ANSWER_SECONDS = 2.0
"""Seconds before the deadline at which the issuer is asked for the last time."""
_LONGEST_LIFETIME = 1800.0
_LONGEST_TEXT = 1024


@attrs.frozen(kw_only=True)
class Offered:
    """What the issuer answers to a device (RFC 8628 section 3.2).

    Args:
        device_code: what we ask with.
        user_code: what the person enters.
        verification_uri: where.
        verification_uri_complete: the same with the code in it; empty if there is none.
        lifetime: how long the codes live.
        interval: seconds between two questions.
    """

    device_code: Secret
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    lifetime: timedelta
    interval: float


async def request_code(io: IO, client: Client, deadline: Deadline) -> Offered:
    """Ask the issuer for a code.

    Raises:
        InvalidSettings: this issuer has no device codes for mail.
        IssuerRefused: it refuses.
        IssuerFailed: it is out of order.
        ConversationError: it cannot be reached.
    """
    issuer = client.issuer
    if issuer.device_authorization_endpoint is None:
        text = f"{issuer.label} offers no device codes for mail; sign in through the browser"
        raise InvalidSettings((Problem(field="issuer", code="issuer.no_device_code", message=text),))
    request = client.post(issuer.device_authorization_endpoint, {"scope": " ".join(issuer.asked_scopes)}, {})
    response = await io.fetch(request, deadline.sooner(REQUEST_SECONDS))
    data = read_object(response) or {}
    offered = _offered(data) if response.status == 200 else None
    error, words = (printable(str(data.get(name, "")), 300) for name in ("error", "error_description"))
    del data  # an error shows no variable that holds the device code
    if offered is not None:
        return offered
    if 400 <= response.status < 500 and error:
        cause = causes.of_answer(error, words, invalid_grant="oauth.refused")
        raise IssuerRefused(cause, f"{error} {words}".strip())
    raise failure(request.url, response, f"{error} {words}")


def _offered(data: dict[str, object]) -> Offered | None:
    device_code, user_code = _text(data.get("device_code")), _text(data.get("user_code"))
    # Google's older name for the second: https://developers.google.com/identity/protocols/oauth2/limited-input-device
    uri = _page(data.get("verification_uri")) or _page(data.get("verification_url"))
    if not device_code or not user_code or not uri:
        return None
    return Offered(
        device_code=Secret(device_code),
        user_code=user_code,
        verification_uri=uri,
        verification_uri_complete=_page(data.get("verification_uri_complete")),
        lifetime=timedelta(seconds=_number(data.get("expires_in"), _LONGEST_LIFETIME, _LONGEST_LIFETIME)),
        interval=_number(data.get("interval"), _INTERVAL, _LONGEST_INTERVAL),
    )


def _text(value: object) -> str:
    is_fit = isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isascii() and value.isprintable()
    return str(value) if is_fit else ""


def _page(value: object) -> str:
    # A person is sent there with trust in their step, so only to a page whose owner is proved.
    text = _text(value)
    return text if text.startswith("https://") else ""


def _number(value: object, otherwise: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return otherwise
    return float(min(value, most))


async def wait_for_approval(
    io: IO, client: Client, begun: PendingDevice, device_code: Secret, deadline: Deadline
) -> Granted | Denied:
    """Ask until the person has entered the code, and return what was granted or denied.

    Raises:
        SignInFailed: the code ended first.
        TimedOut: the deadline came first; the question may be taken up again.
    """
    # It was stored by the host meanwhile.
    interval = begun.interval if 0 < begun.interval <= _LONGEST_INTERVAL else _INTERVAL
    is_last = False
    while not is_last:
        if io.now() >= begun.expires_at:
            raise SignInFailed(causes.known("oauth.device_expired"))
        left = deadline.remaining(Step.SIGN_IN)
        # Who waits for less than an interval is told once nevertheless, with some time left for the answer.
        is_last = interval >= left - _ANSWER_SECONDS
        await io.sleep(max(0.0, left - _ANSWER_SECONDS) if is_last else interval)
        request = client.post(
            client.issuer.token_endpoint,
            {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"},
            {"device_code": device_code},
        )
        try:
            outcome = await ask(io, request, deadline)
        except ConversationError:
            # RFC 8628 section 3.5: after a fault of the network, ask less often.
            interval = min(interval * 2, _LONGEST_INTERVAL)
            continue
        if not isinstance(outcome, Denied) or outcome.error not in ("authorization_pending", "slow_down"):
            return outcome
        if outcome.error == "slow_down":
            interval = min(interval + _INTERVAL, _LONGEST_INTERVAL)
    raise TimedOut(step=Step.SIGN_IN, detail="the code has not been entered yet")
