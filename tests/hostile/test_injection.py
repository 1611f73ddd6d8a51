"""No text, at no place where text comes in, says anything to anybody beyond what it was meant to say.

At each place the text is refused, with an error that names the place, or it does no harm: the servers hear as many
lines as they do for a harmless text, and none of them is the attacker's.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage

import attrs
import pytest

from tether_mailconf import ConversationError, InvalidMessage, InvalidSettings, MailconfError
from tether_mailconf.sandbox import Personality, Sandbox

from . import awaited
from .acted import ACTED, TOLD
from .heard import EVIL, Heard, commands, listening
from .injected import World, letter
from .place import ONE_ARGUMENT, PROGRAMMED, Place
from .surface import AIO, places

CONTROLS = (
    "\r",
    "\n",
    "\r\n",
    "\0",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x7f",
    "\x1b",
    "\r\n.\r\n",
    "\ud800",
    "\r\nRCPT TO:<eve@example.org>\r\nDATA\r\n",
)
"""What somebody, somewhere, takes for the end of a line or of a text, or cannot encode."""

HARMLESS = "x"


def _in_body(text: str) -> EmailMessage:
    message = letter()
    message.set_content(f"a{text}b\n.{text}.\n".encode("utf-8", "backslashreplace").decode())
    return message


def test_every_place_where_text_comes_in_is_known() -> None:
    """A new field or argument must choose, and what is looked for must be found."""
    found = set(places())
    unknown = {place for place in found if place not in ACTED and not place.startswith(TOLD)}
    assert unknown == set()
    assert set(ACTED) <= found
    assert not any(place.startswith("Mailer") for place in found - set(ACTED))
    assert len(CONTROLS) == len(set(CONTROLS)) == 17


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    with listening() as ears:
        yield ears


@pytest.fixture(scope="module")
def world(heard: Heard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A sandbox without CHUNKING, so that what is no command stands out."""
    personality = Personality(smtp_extensions=frozenset({"PIPELINING", "8BITMIME", "SIZE", "SMTPUTF8"}))
    with Sandbox(personality) as sandbox:
        yield World(sandbox, tmp_path_factory.mktemp("injected"))


@attrs.frozen
class Told:
    """The error that a text was refused with: its words, and the fields or the server that it names."""

    words: str
    names: tuple[str, ...] = ()


def _becomes(place: Place, world: World, text: str) -> Told | None:
    """Return None if the text was taken."""
    try:
        place.act(world, text)
    except (InvalidSettings, InvalidMessage) as error:
        told = Told(str(error), tuple(problem.field for problem in error.problems))
    except ConversationError as error:
        told = Told(str(error), () if error.endpoint is None else (error.endpoint.host,))
    except MailconfError as error:
        told = Told(str(error))
    except ValueError as error:
        if not place.may_pass and place.whole not in (ONE_ARGUMENT, PROGRAMMED):
            raise AssertionError(f"the error has no field: {error!r}") from error
        told = Told(str(error))
    else:
        return None
    assert told.words.replace("\n", " ").isprintable(), ascii(told)
    return told


def _names(told: Told, fields: tuple[str, ...]) -> bool:
    return any(name == field or name.startswith(f"{field}.") for name in told.names for field in fields)


COLOURED = [name for name in ACTED if name.startswith(tuple(awaited.NAMES))]
"""The places that are not the same object in both colours."""


@pytest.mark.parametrize("name", ACTED)
def test_a_text_is_refused_or_does_no_harm(world: World, heard: Heard, name: str) -> None:
    check_place(world, heard, name)


@pytest.mark.parametrize("name", COLOURED)
def test_a_text_is_refused_or_does_no_harm_in_asyncio(world: World, heard: Heard, name: str) -> None:
    with awaited.aio():
        check_place(world, heard, name)


def test_the_asyncio_face_has_the_same_places() -> None:
    assert places(AIO) == places()
    assert len(COLOURED) > 40


def check_place(world: World, heard: Heard, name: str) -> None:
    place = ACTED[name]
    for control in CONTROLS:
        world.sandbox.clear_logs()
        heard.clear()
        told = _becomes(place, world, f"{control}{EVIL.decode()}{control}")
        assert place.may_pass or told is not None, f"{control!r} was taken"
        assert told is None or not place.fields or _names(told, place.fields), f"{control!r}: {told} names another"
        for lines in heard.without(world.sandbox):
            assert not [word for word in commands(lines) if word.startswith(EVIL)], lines


def test_a_text_in_the_name_of_a_header_field_is_refused(world: World) -> None:
    for control in CONTROLS:
        message = letter()
        message._headers.append((f"X-Own{control}X", "a"))  # type: ignore[attr-defined]
        with world.mailer() as mailer, pytest.raises(InvalidMessage):
            mailer.send(message)


_MORE_IS_WRONG = (
    "presets.parse",
    "oauth.Issuer",
    "oauth.PendingSignIn",
    "Receipt",
    "Password",
    "AppPassword",
    "Accounts",
)
"""Where "x" is refused, too: it is no URL, not the account's password, or not the message's own."""


@pytest.mark.parametrize("name", [name for name, place in ACTED.items() if place.may_pass])
def test_a_harmless_text_is_taken_where_others_are_not_refused(world: World, name: str) -> None:
    """Or the test above would see nothing but refusals, for whatever reason."""
    if not name.startswith(_MORE_IS_WRONG):
        assert _becomes(ACTED[name], world, HARMLESS) is None


def test_a_place_that_refuses_names_its_field_or_says_why_not() -> None:
    for name, place in ACTED.items():
        assert not (place.fields and place.whole), name
        assert place.fields or place.whole or place.may_pass, name


def test_a_control_character_in_a_body_arrives_as_what_it_is(world: World) -> None:
    for control in CONTROLS[1:]:
        if "\0" in control:
            continue
        before = len(world.sandbox.submissions)
        with world.mailer() as mailer:
            mailer.send(_in_body(control))
        (one,) = world.sandbox.submissions[before:]
        assert one.recipients == ("ben@example.org",)


def test_the_ears_hear_an_injected_command(heard: Heard, world: World) -> None:
    """What this module relies on, shown by a client that lets everything through."""
    import smtplib
    import ssl

    heard.clear()
    context = ssl.create_default_context(cafile=str(world.sandbox.ca_file))
    server = world.sandbox.settings.smtp
    with smtplib.SMTP_SSL(server.host, server.port, context=context) as client:
        client.send(b"NOOP\r\nXEVIL\r\n")
        assert [client.getreply()[0] for _ in range(2)] == [250, 500]
    assert EVIL in [word for lines in heard.without(world.sandbox) for word in commands(lines)]
