"""Which mailbox is the Sent folder. Pure: from a listing to a choice.

In this order: special-use (RFC 6154), then a name that mail programs and providers are known to give it, in any
language; never a guess by similarity. Where there is none, the name to create.
"""

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

import attrs

from .._wire.imap import ImapSession
from .._wire.imap_response import Completed
from .._wire.imap_syntax import Token
from ..host_name import CONTROL

# Seen in the localisations of Thunderbird, Outlook, Apple Mail, Gmail, Roundcube, Horde and of providers.
# Compared without case and without direction marks.
_KNOWN_NAMES = """
Sent | Sent Items | Sent Messages | Sent Mail | Sent-Mail | sentmail | Sent Objects | SentBox
Gesendet | Gesendete Objekte | Gesendete Elemente | Gesendete Nachrichten | Gesendete E-Mails
Envoyés | Éléments envoyés | Messages envoyés | Envoyé | Courrier envoyé | Objets envoyés
Enviados | Elementos enviados | Mensajes enviados | Correo enviado | Enviadas | Itens enviados
Mensagens enviadas | E-mails enviados | Correio enviado | Elements enviats | Enviats | Bidalitakoak
Posta inviata | Inviata | Inviati | Elementi inviati | Messaggi inviati
Verzonden | Verzonden items | Verzonden berichten | Verzonden objecten
Skickat | Skickade objekt | Skickade meddelanden | Skickade | Sendt | Sendte elementer | Sendte e-mails | Sendt post
Sendte | Sendte meldinger | Lähetetyt | Lähetetyt viestit | Lähetetyt kohteet | Saadetud | Saadetud kirjad
Wysłane | Elementy wysłane | Wysłane wiadomości | Odeslaná pošta | Odeslané | Odeslané zprávy | Odoslaná pošta
Odoslané | Poslano | Poslana pošta | Poslane stavke | Poslato | Elküldött elemek | Elküldött | Elküldött üzenetek
Trimise | Elemente trimise | Mesaje trimise | Nosūtītie | Nosūtītās vēstules | Išsiųsta | Išsiųstieji | Išsiųsti laiškai
Отправленные | Отправлено | Отправленные элементы | Надіслані | Відправлені | Надіслане
Изпратени | Изпратени елементи | Послати | Послане поруке | Пратени | Адпраўленыя
Απεσταλμένα | Σταλμένα | Στοιχεία που έχουν σταλεί
Gönderilmiş Öğeler | Gönderilmiş | Gönderilenler | Gönderilmiş Postalar | Göndərilmişlər
נשלח | פריטים שנשלחו | דואר יוצא שנשלח | הודעות שנשלחו | العناصر المرسلة | المرسلة | الرسائل المرسلة |
البريد المرسل | المُرسَلة
ارسال شده | ارسال‌شده | بھیجا ہوا
送信済み | 送信済みアイテム | 送信済みメール | 送信済みトレイ | 已发送 | 已发送邮件 | 已发邮件
已傳送 | 寄件備份 | 已寄出 | 已寄郵件 | 寄件匣備份
보낸 편지함 | 보낸편지함 | 보낸 메일함 | 보낸메일함 | 보낸 항목
ส่งแล้ว | รายการที่ส่ง | จดหมายที่ส่ง | Thư đã gửi | Đã gửi | Mục đã Gửi | Terkirim | Item Terkirim | Pesan Terkirim | Dihantar
भेजे गए | भेजा गया | पाठवले | পাঠানো | Seolta | Anfonwyd | Eitemau a Anfonwyd | Sendir hlutir
"""

_INVISIBLE = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"))
_MADE = "Sent"
"""The name of a Sent folder that we make."""
_GMAIL_ROOTS = ("[Gmail]", "[Google Mail]")
_LONGEST = 256
_UNUSABLE = frozenset({"\\noselect", "\\nonexistent"})


@attrs.frozen(kw_only=True)
class Listed:
    r"""One entry of a LIST response (RFC 9051 section 7.3.1).

    Args:
        name: decoded.
        separator: between the levels of names; empty for a flat name space.
        attributes: in lower case ("\\sent").
    """

    name: str
    separator: str
    attributes: frozenset[str]

    @property
    def is_usable(self) -> bool:
        """Whether a message can be put into it, and its name be remembered in the settings."""
        return _is_name(self.name) and not self.attributes & _UNUSABLE


@attrs.frozen(kw_only=True)
class Namespace:
    """The personal name space (RFC 2342): what a mailbox of the user's own begins with, and its separator."""

    prefix: str = ""
    separator: str = ""


def read_listing(session: ImapSession, completed: Completed) -> tuple[Listed, ...]:
    """Return the entries of a LIST command; an entry that is none is passed over."""
    entries = (_listed(session, data.tokens) for data in completed.named("LIST"))
    return tuple(entry for entry in entries if entry is not None)


def read_namespace(session: ImapSession, completed: Completed) -> Namespace:
    """Return the first personal name space; none, if the server does not say, or says what no name can begin with."""
    for data in completed.named("NAMESPACE"):
        match data.tokens:
            case ([[bytes(raw), (bytes() | None) as separator, *_], *_], *_):
                prefix = session.mailbox_name(raw)
                if len(prefix) > _LONGEST // 2 or CONTROL.search(prefix):
                    return Namespace()
                return Namespace(prefix=prefix, separator=_separator(session, separator))
            case _:
                pass
    return Namespace()


def _separator(session: ImapSession, token: Token) -> str:
    """Return the character that stands between the levels of a name (RFC 9051 section 6.3.9); empty if there is none.

    Names are put together with it, so what is none is not taken for one.
    """
    text = session.mailbox_name(token) if isinstance(token, bytes) else ""
    return text if len(text) == 1 and text.isprintable() else ""


class SentReason(enum.StrEnum):
    """Why a mailbox is the Sent folder."""

    SETTINGS = "settings"
    """the settings name it"""
    SPECIAL_USE = "special_use"
    r"""the server marks it as \Sent (RFC 6154)"""
    KNOWN_NAME = "known_name"
    """it has a name that mail programs give it"""
    WOULD_BE_MADE = "would_be_made"
    """there is none: this one is made when the first copy is filed"""


@attrs.frozen(kw_only=True)
class SentFolder:
    """Which mailbox is the Sent folder, and why.

    Args:
        mailbox: its decoded name.
        reason: why it is this one.
    """

    mailbox: str
    reason: SentReason

    @property
    def exists(self) -> bool:
        """Whether the server has it already, as far as its listing tells."""
        return self.reason is not SentReason.WOULD_BE_MADE

    @property
    def parent(self) -> str:
        """The mailbox below which one that is not there yet would be made; empty for the root."""
        return self.mailbox.removesuffix(_MADE)[:-1]


def sent_among(listing: Sequence[Listed], namespace: Namespace) -> SentFolder:
    """Return the Sent folder among the mailboxes, or the one to make if there is none, and why it is this one."""
    chosen = choose_sent(listing, namespace)
    if chosen is None:
        return SentFolder(mailbox=name_to_create(listing, namespace), reason=SentReason.WOULD_BE_MADE)
    is_marked = any(entry.name == chosen and "\\sent" in entry.attributes for entry in listing)
    return SentFolder(mailbox=chosen, reason=SentReason.SPECIAL_USE if is_marked else SentReason.KNOWN_NAME)


def choose_sent(listing: Sequence[Listed], namespace: Namespace) -> str | None:
    """Return the Sent folder among the mailboxes, or None.

    Of several that claim it, one that also has a known name goes first, and then the one nearest to the root.
    """
    usable = [entry for entry in listing if entry.is_usable]
    special = [entry for entry in usable if "\\sent" in entry.attributes]
    named = [entry for entry in usable if _has_known_name(entry, namespace)]
    candidates = [entry for entry in special if entry in named] or special or named
    if not candidates:
        return None
    return min(candidates, key=lambda entry: entry.name.count(entry.separator) if entry.separator else 0).name


def name_to_create(listing: Sequence[Listed], namespace: Namespace) -> str:
    """Return the name of the Sent folder to make: under the personal name space, or where all others are.

    A server may call its name space anything. What no folder can be called, or no settings could hold, is passed over.
    """
    name = _name_below(listing, namespace)
    return name if _is_name(name) else "Sent"


def _is_name(text: str) -> bool:
    return bool(text.strip()) and len(text) <= _LONGEST and not CONTROL.search(text)


def _name_below(listing: Sequence[Listed], namespace: Namespace) -> str:
    if namespace.prefix:
        return f"{namespace.prefix}{_MADE}"
    below_inbox = [
        entry for entry in listing if entry.separator and entry.name.upper().startswith(f"INBOX{entry.separator}")
    ]
    others = [entry for entry in listing if entry.name.upper() != "INBOX" and entry not in below_inbox]
    if below_inbox and not others:
        return f"INBOX{below_inbox[0].separator}{_MADE}"
    return _MADE


def _listed(session: ImapSession, tokens: Iterable[Token]) -> Listed | None:
    match tuple(tokens):
        case (list(attributes), separator, bytes(name), *_):
            return Listed(
                name=session.mailbox_name(name),
                separator=_separator(session, separator),
                attributes=frozenset(
                    text.decode(errors="replace").lower() for text in attributes if isinstance(text, bytes)
                ),
            )
        case _:
            return None


def _has_known_name(entry: Listed, namespace: Namespace) -> bool:
    name = entry.name
    roots = ["", namespace.prefix]
    if entry.separator:
        roots += [f"INBOX{entry.separator}", *(f"{root}{entry.separator}" for root in _GMAIL_ROOTS)]
    return any(
        name[: len(root)].upper() == root.upper() and _plain(name[len(root) :]) in _known_names() for root in roots
    )


@cache
def _known_names() -> frozenset[str]:
    return frozenset(_plain(name) for line in _KNOWN_NAMES.splitlines() for name in line.split("|") if name.strip())


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).translate(_INVISIBLE).strip().casefold()
