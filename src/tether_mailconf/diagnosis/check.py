"""The act of checking an account: every step to both servers at once, and what they tell on the way. Sends nothing.

At most one sign-in at each server, since accounts are locked for less. Nothing is made, moved or marked in the mailbox.
"""

from __future__ import annotations

from .._ports import IO, Deadline
from ..credentials import Credential
from ..credentials.token import BearerToken, TokenSource
from ..delivery.account import known_filer, require_kind
from ..delivery.outcome import Outcome
from ..errors import MailconfError, Step
from ..settings import ConnectionSettings
from .check_mailboxes import Mailboxes, check_mailboxes
from .check_submission import Submission, check_submission
from .checked_step import CheckedStep
from .course import failure
from .explain import explain
from .report import CheckedServer, Report


async def check(
    io: IO, settings: ConnectionSettings, credential: Credential | TokenSource, deadline: Deadline
) -> Report:
    """See `tether_mailconf.check`."""
    require_kind(settings, credential)
    started, checked_at = deadline.clock(), io.now()
    token, shown = await _token(io, credential, deadline)
    smtp, imap = await _both(io, settings, shown, deadline)
    if isinstance(credential, TokenSource) and isinstance(shown, BearerToken):
        if _let_us_in(smtp.server):
            await credential.accepted(shown, settings.smtp_user, io, deadline)
        if imap is not None and _let_us_in(imap.server):
            await credential.accepted(shown, settings.imap_user, io, deadline)
    filer, source = known_filer(settings)
    return Report(
        address=settings.address,
        checked_at=checked_at,
        seconds=deadline.clock() - started,
        token=token,
        smtp=smtp.server,
        imap=None if imap is None else imap.server,
        size_limit=smtp.size_limit,
        sent=None if imap is None else imap.sent,
        filer=filer,
        filer_source=source,
        quota=None if imap is None else imap.quota,
    )


async def _token(
    io: IO, credential: Credential | TokenSource, deadline: Deadline
) -> tuple[CheckedStep | None, Credential | None]:
    """Return how getting a token went, and what to sign in with; None if there is nothing."""
    if not isinstance(credential, TokenSource):
        return None, credential
    started = deadline.clock()
    try:
        shown = await credential.fresh(io, deadline)
    except MailconfError as error:
        return failure(error, explain(error), deadline.clock() - started), None
    return CheckedStep(step=Step.TOKEN, outcome=Outcome.WORKS, seconds=deadline.clock() - started), shown


async def _both(
    io: IO, settings: ConnectionSettings, credential: Credential | None, deadline: Deadline
) -> tuple[Submission, Mailboxes | None]:
    """Go to both servers at once."""
    found: list[Mailboxes] = []

    async def submission() -> Submission:
        return await check_submission(io, settings, credential, deadline)

    async def mailboxes() -> None:
        if settings.imap is not None:
            found.append(await check_mailboxes(io, settings, settings.imap, credential, deadline))

    smtp = (await io.gather(submission, mailboxes))[0]
    if smtp is None:
        raise AssertionError("a submission server was checked, and nothing is known of it")
    return smtp, found[0] if found else None


def _let_us_in(server: CheckedServer) -> bool:
    return any(one.step is Step.SIGN_IN and one.outcome is Outcome.WORKS for one in server.steps)
