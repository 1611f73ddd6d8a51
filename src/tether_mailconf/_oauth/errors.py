"""The errors of signing in at an issuer. Their place in the family is told in `tether_mailconf.errors`."""

from __future__ import annotations

from ..errors import ConversationError, MailconfError, Step, printable
from ..settings import Endpoint
from .causes import Cause, Mender


class OAuthError(MailconfError):
    """Something about a sign-in failed for a reason that is known: its `cause`, whose parts are the attributes.

    Attributes:
        code: a stable name for programs ("oauth.denied").
        sentence: what happened, for a person.
        remedy: what to do about it, for a person.
        mender: who can do it.
        detail: more about this case; a stranger's words in it are cut and escaped. May be empty.
    """

    code = "oauth.failed"

    def __init__(self, cause: Cause, detail: str = "") -> None:
        super().__init__(cause, detail)
        self.code = cause.code
        self.sentence = cause.sentence
        self.remedy = cause.remedy
        self.mender: Mender = cause.mender
        self.detail = printable(detail)

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy}" + (f" ({self.detail})" if self.detail else "")


class SignInFailed(OAuthError):
    """A sign-in did not come to its end. What was stored for the account before is as it was."""

    code = "oauth.sign_in_failed"


class SignInNeeded(OAuthError):
    """The stored sign-in cannot be used any more. `SignIn.begin(error.address, owner=error.owner)` begins a new one.

    Attributes:
        address: whose it is.
        owner: who had begun it, as given to `SignIn.begin`.
    """

    code = "oauth.sign_in_needed"

    def __init__(self, cause: Cause, detail: str = "", *, address: str = "", owner: str = "") -> None:
        super().__init__(cause, detail)
        self.address = address
        self.owner = owner


class IssuerRefused(OAuthError):
    """The issuer refused for a reason that a new sign-in would not mend. What is stored has not changed."""

    code = "oauth.issuer_refused"


class IssuerFailed(ConversationError):
    """The issuer is out of order, or answers what no issuer may. Nothing was lost: try again later.

    Attributes:
        status: the HTTP status.
        retry_after: seconds to wait, if the issuer says so (RFC 9110 section 10.2.3).
    """

    code = "issuer.failed"
    summary = "the issuer did not answer as it should"

    def __init__(
        self,
        *,
        detail: str = "",
        endpoint: Endpoint | None = None,
        status: int = 0,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(step=Step.TOKEN, detail=detail, endpoint=endpoint)
        self.args = (detail, endpoint, status, retry_after)
        self.status = status
        self.retry_after = retry_after
