"""The commands about mailboxes: NAMESPACE, LIST, LSUB, CREATE, DELETE, SUBSCRIBE, SELECT, EXAMINE, STATUS, ENABLE, ID.

Each is a function of the state and the arguments that returns what follows the tagged OK, or raises `Refused`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from .imap_command import Arguments, Refused
from .imap_state import ImapState, View
from .store import Mailbox

_USES = frozenset({"\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"})
_USE = re.compile(rb"\\[A-Za-z]+")
_STANDARD_FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"


def identify(state: ImapState, arguments: Arguments) -> str:
    """ID (RFC 2971)."""
    arguments.space()
    if not arguments.skip(b"NIL") and not arguments.skip(b"nil"):
        arguments.listed(lambda: arguments.skip(b"NIL") or arguments.astring())
    arguments.end()
    state.untagged('ID ("name" "tether sandbox")')
    return "ID completed"


def enable(state: ImapState, arguments: Arguments) -> str:
    """ENABLE (RFC 5161), for UTF8=ACCEPT (RFC 6855)."""
    if not state.offers("ENABLE"):
        raise Refused("BAD", "Unknown command")
    wanted: set[str] = set()
    while not arguments.at_end:
        arguments.space()
        wanted.add(arguments.atom())
    if not wanted:
        raise Refused("BAD", "Syntax error: expected a capability")
    if state.view is not None:
        raise Refused("BAD", "ENABLE is not possible while a mailbox is selected")
    enabled = "UTF8=ACCEPT" in wanted and state.offers("UTF8=ACCEPT")
    state.utf8 = state.utf8 or enabled
    state.untagged("ENABLED UTF8=ACCEPT" if enabled else "ENABLED")
    return "ENABLE completed"


def namespace(state: ImapState, arguments: Arguments) -> str:
    """NAMESPACE (RFC 2342)."""
    if not state.offers("NAMESPACE"):
        raise Refused("BAD", "Unknown command")
    arguments.end()
    prefix, separator = state.encode(state.personality.prefix).decode(), state.personality.separator
    state.untagged(f'NAMESPACE (({prefix} "{separator}")) NIL NIL')
    return "NAMESPACE completed"


def quota_root(state: ImapState, arguments: Arguments) -> str:
    """GETQUOTAROOT (RFC 9208): one root for all mailboxes, with nothing to say where there is no limit."""
    if not state.offers("QUOTA"):
        raise Refused("BAD", "Unknown command")
    arguments.space()
    mailbox = state.mailbox(arguments)
    arguments.end()
    state.untagged(b"QUOTAROOT " + state.encode(mailbox.name) + b' "account"')
    if state.personality.quota is not None:
        state.untagged(f'QUOTA "account" (STORAGE {state.owner.size // 1024} {state.personality.quota // 1024})')
    return "GETQUOTAROOT completed"


@attrs.frozen(kw_only=True)
class _Listing:
    """What a LIST asks for."""

    patterns: tuple[str, ...]
    selection: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()


def list_mailboxes(state: ImapState, arguments: Arguments) -> str:
    """LIST (RFC 9051 section 6.3.9; RFC 5258 and RFC 6154 where offered)."""
    listing = _listing(state, arguments)
    if listing.patterns == ("",):
        state.untagged(f'LIST (\\Noselect) "{state.personality.separator}" ""')
        return "LIST completed"
    for mailbox in _matching(state, listing.patterns):
        if "SPECIAL-USE" in listing.selection and not mailbox.use:
            continue
        if "SUBSCRIBED" in listing.selection and not mailbox.is_subscribed:
            continue
        told_subscription = "SUBSCRIBED" in listing.selection | listing.returned
        _list_line(state, "LIST", mailbox, told_subscription=told_subscription)
    return "LIST completed"


def list_subscribed(state: ImapState, arguments: Arguments) -> str:
    """LSUB (RFC 3501 section 6.3.9)."""
    arguments.space()
    reference = state.decode(arguments.astring())
    arguments.space()
    pattern = state.decode(arguments.list_pattern())
    arguments.end()
    for mailbox in _matching(state, (reference + pattern,)):
        if mailbox.is_subscribed:
            _list_line(state, "LSUB", mailbox, told_subscription=False)
    return "LSUB completed"


def _listing(state: ImapState, arguments: Arguments) -> _Listing:
    extended = state.offers("LIST-EXTENDED")
    known = {"SUBSCRIBED", "REMOTE", "CHILDREN", *(("SPECIAL-USE",) if state.offers("SPECIAL-USE") else ())}

    def options() -> frozenset[str]:
        found = frozenset(arguments.listed(arguments.atom))
        if not found <= known:
            raise Refused("BAD", f"Unknown LIST option {' '.join(sorted(found - known))}")
        return found

    arguments.space()
    selection: frozenset[str] = frozenset()
    if extended and arguments.at_list:
        selection = options()
        arguments.space()
    reference = state.decode(arguments.astring())
    arguments.space()
    if extended and arguments.at_list:
        patterns = arguments.listed(arguments.list_pattern)
    else:
        patterns = [arguments.list_pattern()]
    returned: frozenset[str] = frozenset()
    if extended and arguments.skip(b" "):
        if arguments.atom() != "RETURN":
            raise Refused("BAD", "Syntax error: expected RETURN")
        arguments.space()
        returned = options()
    arguments.end()
    names = tuple(reference + state.decode(pattern) if pattern else "" for pattern in patterns)
    return _Listing(patterns=names, selection=selection, returned=returned)


def _matching(state: ImapState, patterns: tuple[str, ...]) -> list[Mailbox]:
    def matches(name: str) -> bool:
        if name == "INBOX":
            return any(_is_listed(name, pattern.upper(), state.personality.separator) for pattern in patterns)
        return any(_is_listed(name, pattern, state.personality.separator) for pattern in patterns)

    return [mailbox for name, mailbox in sorted(state.owner.mailboxes.items()) if matches(name)]


def _is_listed(name: str, pattern: str, separator: str) -> bool:
    """Whether a name fits a pattern with wildcards (RFC 9051 section 6.3.9), by the places in it reached so far.

    An expression made of the pattern would be tried in more ways the more wildcards there are.
    """
    reached = {0}
    for character in pattern:
        if character == "*":
            reached = set(range(min(reached), len(name) + 1))
        elif character == "%":
            reached = set(_up_to_separators(name, reached, separator))
        else:
            reached = {place + 1 for place in reached if name[place : place + 1] == character}
        if not reached:
            return False
    return len(name) in reached


def _up_to_separators(name: str, starts: set[int], separator: str) -> Iterator[int]:
    """Yield every place that is reached from one of the starts without going over a separator."""
    is_open = False
    for place in range(len(name) + 1):
        is_open = is_open or place in starts
        if is_open:
            yield place
        if name[place : place + 1] == separator:
            is_open = False


def _list_line(state: ImapState, response: str, mailbox: Mailbox, *, told_subscription: bool) -> None:
    separator = state.personality.separator
    has_children = any(name.startswith(mailbox.name + separator) for name in state.owner.mailboxes)
    attributes = ["\\HasChildren" if has_children else "\\HasNoChildren"]
    if not mailbox.is_selectable:
        attributes.append("\\Noselect")
    if mailbox.use and state.offers("SPECIAL-USE"):
        attributes.append(mailbox.use)
    if told_subscription and mailbox.is_subscribed:
        attributes.append("\\Subscribed")
    state.untagged(f'{response} ({" ".join(attributes)}) "{separator}" '.encode() + state.encode(mailbox.name))


def create(state: ImapState, arguments: Arguments) -> str:
    """CREATE (RFC 9051 section 6.3.4), with USE (RFC 6154 section 3) where offered."""
    arguments.space()
    name = state.mailbox_name(arguments)
    use = ""
    if state.offers("CREATE-SPECIAL-USE") and arguments.skip(b" "):
        uses = _uses(arguments)
        use = uses[0] if uses else ""
    arguments.end()
    personality = state.personality
    name = name.removesuffix(personality.separator)
    if not name or any(character in "*%" or not character.isprintable() for character in name):
        raise Refused("NO", "[CANNOT] Not a mailbox name that can be created")
    if f"{personality.separator}{personality.separator}" in name or name.startswith(personality.separator):
        raise Refused("NO", "[CANNOT] A level of the hierarchy is empty")
    if not name.startswith(personality.prefix):
        raise Refused("NO", f"[CANNOT] Invalid mailbox name; it should begin with {personality.prefix}")
    if state.store.find(state.owner, name) is not None:
        raise Refused("NO", "[ALREADYEXISTS] The mailbox exists already")
    state.store.create(state.owner, name, use=use)
    return "CREATE completed"


def _uses(arguments: Arguments) -> list[str]:
    arguments.expect(b"(")
    if arguments.atom() != "USE":
        raise Refused("BAD", "Syntax error: expected USE")
    arguments.space()
    uses = arguments.listed(lambda: _use(arguments))
    arguments.expect(b")")
    return uses


def _use(arguments: Arguments) -> str:
    use = "\\" + arguments.take(_USE, "a special use")[0][1:].decode().capitalize()
    if use not in _USES:
        raise Refused("NO", "[USEATTR] Unknown special use")
    return use


def delete(state: ImapState, arguments: Arguments) -> str:
    """DELETE (RFC 9051 section 6.3.5)."""
    arguments.space()
    mailbox = state.mailbox(arguments)
    arguments.end()
    if mailbox.name == "INBOX":
        raise Refused("NO", "[CANNOT] INBOX cannot be deleted")
    if state.view is not None and state.view.mailbox is mailbox:
        raise Refused("NO", "[INUSE] The mailbox is selected")
    del state.owner.mailboxes[mailbox.name]
    return "DELETE completed"


def subscribe(state: ImapState, arguments: Arguments) -> str:
    """SUBSCRIBE (RFC 9051 section 6.3.7)."""
    arguments.space()
    mailbox = state.mailbox(arguments)
    arguments.end()
    mailbox.is_subscribed = True
    return "SUBSCRIBE completed"


def unsubscribe(state: ImapState, arguments: Arguments) -> str:
    """UNSUBSCRIBE (RFC 9051 section 6.3.8)."""
    arguments.space()
    mailbox = state.mailbox(arguments)
    arguments.end()
    mailbox.is_subscribed = False
    return "UNSUBSCRIBE completed"


def select(state: ImapState, arguments: Arguments) -> str:
    """SELECT (RFC 9051 section 6.3.2)."""
    return _open(state, arguments, is_read_only=False)


def examine(state: ImapState, arguments: Arguments) -> str:
    """EXAMINE (RFC 9051 section 6.3.3)."""
    return _open(state, arguments, is_read_only=True)


def _open(state: ImapState, arguments: Arguments, *, is_read_only: bool) -> str:
    # A refused SELECT leaves nothing selected (RFC 9051 section 6.3.2).
    state.view = None
    arguments.space()
    mailbox = state.mailbox(arguments)
    arguments.end()
    messages = mailbox.messages
    keywords = sorted({flag for message in messages for flag in message.flags if not flag.startswith("\\")})
    flags = " ".join([_STANDARD_FLAGS, *keywords])
    state.view = View(mailbox, is_read_only, [message.uid for message in messages])
    state.untagged(f"FLAGS ({flags})")
    state.untagged(f"{len(messages)} EXISTS")
    state.untagged("0 RECENT")
    permanent = "" if is_read_only else f"{flags} \\*"
    state.untagged(f"OK [PERMANENTFLAGS ({permanent})] Flags")
    state.untagged(f"OK [UIDVALIDITY {mailbox.uid_validity}] UIDs valid")
    state.untagged(f"OK [UIDNEXT {mailbox.uid_next}] Predicted next UID")
    return "[READ-ONLY] EXAMINE completed" if is_read_only else "[READ-WRITE] SELECT completed"


def status(state: ImapState, arguments: Arguments) -> str:
    """STATUS (RFC 9051 section 6.3.11)."""
    arguments.space()
    mailbox = state.mailbox(arguments)
    arguments.space()
    wanted = arguments.listed(arguments.atom)
    arguments.end()
    values = {
        "MESSAGES": len(mailbox.messages),
        "RECENT": 0,
        "UIDNEXT": mailbox.uid_next,
        "UIDVALIDITY": mailbox.uid_validity,
        "UNSEEN": sum("\\Seen" not in message.flags for message in mailbox.messages),
        "DELETED": sum("\\Deleted" in message.flags for message in mailbox.messages),
        "SIZE": mailbox.size,
    }
    if not wanted or not set(wanted) <= set(values):
        raise Refused("BAD", "Unknown STATUS item")
    items = " ".join(f"{name} {values[name]}" for name in wanted)
    state.untagged(b"STATUS " + state.encode(mailbox.name) + f" ({items})".encode())
    return "STATUS completed"
