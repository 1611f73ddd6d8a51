"""A host brings its own credential: a class with three members, of either colour."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from tether_mailconf import ConnectionSettings, Credential, CredentialKind, Filer, Filing, SaslStep, SignInRefused, Step
from tether_mailconf.sandbox import Personality, Sandbox

from .conftest import Start
from .post import BlockingPost, Colour, filed_by, letter


class OwnToken:
    """XOAUTH2 with the host's own token store."""

    kind = CredentialKind.HOST
    mechanisms = ("XOAUTH2",)

    def __init__(self, token: str) -> None:
        self.token = token
        self.steps: list[SaslStep] = []

    def answer(self, step: SaslStep) -> Any:
        self.steps.append(step)
        return f"user={step.user}\1auth=Bearer {self.token}\1\1".encode()


class AwaitedToken(OwnToken):
    """The same, from a store that is awaited."""

    async def answer(self, step: SaslStep) -> bytes:
        await asyncio.sleep(0)
        response: bytes = super().answer(step)
        return response


def settings_of(sandbox: Sandbox) -> ConnectionSettings:
    return attrs.evolve(filed_by(sandbox.settings, Filer.CLIENT), credential=CredentialKind.HOST)


def kinds(colour: Colour) -> list[type[OwnToken]]:
    return [OwnToken, AwaitedToken] if colour.is_async else [OwnToken]


def test_a_host_s_own_class_signs_in_to_both_servers(start: Start, colour: Colour) -> None:
    for kind in kinds(colour):
        for extensions in ({"SASL-IR", "LITERAL+"}, {"IDLE"}):
            sandbox = start(Personality(imap_extensions=extensions))
            credential = kind(sandbox.token)
            assert isinstance(credential, Credential)
            settings = settings_of(sandbox)
            with colour.mailer(sandbox, settings, credential=credential) as mailer:
                assert mailer.send(letter()).filing is Filing.APPENDED
            assert {step.endpoint for step in credential.steps} == {settings.smtp, settings.imap}
            assert {(step.mechanism, step.user, step.challenges) for step in credential.steps} == {
                ("XOAUTH2", sandbox.address, ())
            }


def test_a_refused_token_s_report_is_told(start: Start, colour: Colour) -> None:
    for kind in kinds(colour):
        sandbox = start()
        with (
            colour.mailer(sandbox, settings_of(sandbox), credential=kind("stale")) as mailer,
            pytest.raises(SignInRefused) as caught,
        ):
            mailer.send(letter())
        assert caught.value.challenge == "status: 401, schemes: bearer, scope: mail"
        assert (caught.value.step, caught.value.reply.code) == (Step.SIGN_IN, "535")
        assert sandbox.submissions == ()


def test_an_awaited_credential_in_the_blocking_colour_is_a_clear_error(sandbox: Sandbox) -> None:
    post = Colour(is_async=False, new=BlockingPost).mailer(
        sandbox, attrs.evolve(settings_of(sandbox)), credential=AwaitedToken(sandbox.token)
    )
    with pytest.raises(RuntimeError, match=r"tether_mailconf\.aio"):
        post.send(letter())
    assert sandbox.submissions == ()
