"""The Sent folder among a user's mailboxes: in every language and layout, and never by similarity."""

from __future__ import annotations

import pytest

from tether_mailconf import Endpoint, InvalidSettings, Security, SentPolicy
from tether_mailconf._ports import Channel
from tether_mailconf._wire.imap import ImapSession
from tether_mailconf._wire.imap_response import Completed, Data, ResponseLimits, ResponseParser, Status
from tether_mailconf._wire.imap_syntax import encode_mailbox, quoted
from tether_mailconf.delivery.sent_folder import (
    Listed,
    Namespace,
    SentFolder,
    SentReason,
    choose_sent,
    name_to_create,
    read_listing,
    read_namespace,
    sent_among,
)

LANGUAGES = {
    "English": "Sent",
    "English, Outlook": "Sent Items",
    "English, Apple": "Sent Messages",
    "English, Gmail": "Sent Mail",
    "German": "Gesendet",
    "German, Outlook": "Gesendete Elemente",
    "German, Apple": "Gesendete Objekte",
    "French": "Éléments envoyés",
    "French, Thunderbird": "Envoyés",
    "Spanish": "Elementos enviados",
    "Portuguese": "Itens enviados",
    "Catalan": "Elements enviats",
    "Basque": "Bidalitakoak",
    "Italian": "Posta inviata",
    "Dutch": "Verzonden items",
    "Swedish": "Skickat",
    "Danish": "Sendt post",
    "Norwegian": "Sendte elementer",
    "Finnish": "Lähetetyt",
    "Estonian": "Saadetud kirjad",
    "Polish": "Elementy wysłane",
    "Czech": "Odeslaná pošta",
    "Slovak": "Odoslaná pošta",
    "Slovenian": "Poslano",
    "Croatian": "Poslana pošta",
    "Serbian": "Послане поруке",
    "Hungarian": "Elküldött elemek",
    "Romanian": "Elemente trimise",
    "Latvian": "Nosūtītie",
    "Lithuanian": "Išsiųsti laiškai",
    "Russian": "Отправленные",
    "Ukrainian": "Надіслані",
    "Bulgarian": "Изпратени",
    "Macedonian": "Пратени",
    "Belarusian": "Адпраўленыя",
    "Greek": "Απεσταλμένα",
    "Turkish": "Gönderilmiş Öğeler",
    "Azerbaijani": "Göndərilmişlər",
    "Hebrew": "פריטים שנשלחו",
    "Arabic": "العناصر المرسلة",
    "Persian": "ارسال شده",
    "Urdu": "بھیجا ہوا",
    "Japanese": "送信済み",
    "Chinese, simplified": "已发送",
    "Chinese, traditional": "寄件備份",
    "Korean": "보낸편지함",
    "Thai": "ส่งแล้ว",
    "Vietnamese": "Thư đã gửi",
    "Indonesian": "Terkirim",
    "Malay": "Dihantar",
    "Hindi": "भेजे गए",
    "Marathi": "पाठवले",
    "Bengali": "পাঠানো",
    "Irish": "Seolta",
    "Welsh": "Anfonwyd",
    "Icelandic": "Sendir hlutir",
}

NONE = Namespace()


def mailbox(name: str, *attributes: str, separator: str = "/") -> Listed:
    """A mailbox as it is listed."""
    return Listed(name=name, separator=separator, attributes=frozenset(attributes))


ORDINARY = [mailbox("INBOX"), mailbox("Drafts", "\\drafts"), mailbox("Trash"), mailbox("Sentinel"), mailbox("Not Sent")]


@pytest.mark.parametrize("name", LANGUAGES.values(), ids=LANGUAGES)
@pytest.mark.parametrize(
    ("before", "separator", "namespace"),
    [
        ("", "/", NONE),
        ("", "", NONE),
        ("INBOX.", ".", NONE),
        ("INBOX.", ".", Namespace(prefix="INBOX.", separator=".")),
        ("Inbox/", "/", NONE),
        ("Mail\\", "\\", Namespace(prefix="Mail\\", separator="\\")),
        ("[Gmail]/", "/", NONE),
        ("[Google Mail]/", "/", NONE),
    ],
)
def test_the_sent_folder_is_found_by_its_name_in_every_language_and_layout(
    before: str, separator: str, namespace: Namespace, name: str
) -> None:
    listing = [*ORDINARY, mailbox(before + name, separator=separator)]
    assert choose_sent(listing, namespace) == before + name


@pytest.mark.parametrize("name", LANGUAGES.values(), ids=LANGUAGES)
def test_case_and_direction_marks_do_not_matter(name: str) -> None:
    for spelled in (name.upper(), name.lower(), f"\u200f{name}\u200e", f"\u202b{name}\u202c", f" {name}"):
        if spelled.casefold().strip("\u200f\u200e\u202b\u202c ") == name.casefold():
            assert choose_sent([*ORDINARY, mailbox(spelled)], NONE) == spelled


def test_composed_and_decomposed_letters_are_the_same() -> None:
    decomposed = "Envoye\u0301s"
    assert choose_sent([mailbox(decomposed)], NONE) == decomposed


@pytest.mark.parametrize(
    "name",
    [
        "Sentinel",
        "Not Sent",
        "Sent 2019",
        "Archive/Sent",
        "Sent/2019",
        "INBOX/Archive/Sent",
        "Unsent",
        "[Other]/Sent",
        "Gesendetes",
    ],
)
def test_a_name_that_is_only_similar_or_elsewhere_is_not_taken(name: str) -> None:
    assert choose_sent([*ORDINARY, mailbox(name)], NONE) is None


def test_special_use_goes_before_any_name() -> None:
    listing = [*ORDINARY, mailbox("Sent"), mailbox("Postausgang 7", "\\sent")]
    assert choose_sent(listing, NONE) == "Postausgang 7"


def test_of_several_with_special_use_one_with_a_known_name_is_taken() -> None:
    listing = [mailbox("A", "\\sent"), mailbox("Gesendet", "\\sent"), mailbox("Z", "\\sent"), mailbox("Sent")]
    assert choose_sent(listing, NONE) == "Gesendet"


def test_of_several_that_claim_it_the_one_nearest_to_the_root_is_taken_and_then_the_first() -> None:
    deep, flat, later = mailbox("a/b/c", "\\sent"), mailbox("x/y", "\\sent"), mailbox("p/q", "\\sent")
    assert choose_sent([deep, flat, later], NONE) == "x/y"
    assert choose_sent([mailbox("INBOX/Sent"), mailbox("Sent Items"), mailbox("Sent")], NONE) == "Sent Items"
    assert choose_sent([mailbox("p/q", "\\sent"), mailbox("x", "\\sent", separator="")], NONE) == "x"


@pytest.mark.parametrize("attribute", ["\\noselect", "\\nonexistent"])
def test_what_cannot_hold_messages_is_not_taken(attribute: str) -> None:
    assert choose_sent([mailbox("Sent", attribute)], NONE) is None
    assert choose_sent([mailbox("Sent", "\\sent", attribute)], NONE) is None
    assert choose_sent([mailbox("Sent", "\\sent", attribute), mailbox("Sent Items")], NONE) == "Sent Items"


@pytest.mark.parametrize("name", ["a\r\nb", "Sent\n", "Sent\0", "\x85", "x" * 257, "", "  "], ids=ascii)
def test_a_name_that_the_settings_could_not_hold_is_not_taken(name: str) -> None:
    """A server may send any name in a literal; taken, it would end a send in an error after the message is gone."""
    assert choose_sent([mailbox(name, "\\sent")], NONE) is None
    assert choose_sent([mailbox(name, "\\sent"), mailbox("Gesendet")], NONE) == "Gesendet"
    with pytest.raises(InvalidSettings):
        SentPolicy(mailbox=name)


def test_a_name_space_hides_no_mailbox_that_stands_beside_it() -> None:
    """Some servers show the other mailboxes of a shared account at the root (RFC 2342 section 5)."""
    assert choose_sent([*ORDINARY, mailbox("Sent", separator=".")], Namespace(prefix="INBOX.", separator=".")) == "Sent"


@pytest.mark.parametrize(
    ("listing", "name", "reason"),
    [
        ([mailbox("Postausgang", "\\sent"), mailbox("Sent")], "Postausgang", SentReason.SPECIAL_USE),
        ([mailbox("Gesendet", "\\sent")], "Gesendet", SentReason.SPECIAL_USE),
        ([mailbox("Gesendet")], "Gesendet", SentReason.KNOWN_NAME),
        ([mailbox("All", "\\sent", "\\noselect"), mailbox("Gesendet")], "Gesendet", SentReason.KNOWN_NAME),
        (ORDINARY, "Sent", SentReason.WOULD_BE_MADE),
    ],
)
def test_it_is_told_why_a_mailbox_is_the_sent_folder(listing: list[Listed], name: str, reason: SentReason) -> None:
    sent = sent_among(listing, NONE)
    assert sent == SentFolder(mailbox=name, reason=reason)
    assert sent.exists == (reason is not SentReason.WOULD_BE_MADE)


def test_a_name_of_256_characters_is_taken_as_the_settings_take_it() -> None:
    name = "x" * 256
    assert choose_sent([mailbox(name, "\\sent")], NONE) == SentPolicy(mailbox=name).mailbox == name


def test_nothing_is_chosen_from_nothing() -> None:
    assert choose_sent([], NONE) is None
    assert choose_sent(ORDINARY, NONE) is None


# -- the name to create ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listing", "namespace", "name"),
    [
        ([], NONE, "Sent"),
        (ORDINARY, NONE, "Sent"),
        ([mailbox("INBOX", separator=".")], NONE, "Sent"),
        ([mailbox("INBOX", separator="."), mailbox("INBOX.Trash", separator=".")], NONE, "INBOX.Sent"),
        ([mailbox("INBOX", separator="/"), mailbox("inbox/Trash", separator="/")], NONE, "INBOX/Sent"),
        ([mailbox("INBOX.Trash", separator="."), mailbox("Archive", separator=".")], NONE, "Sent"),
        ([mailbox("INBOX.Trash", separator="")], NONE, "Sent"),
        ([], Namespace(prefix="INBOX.", separator="."), "INBOX.Sent"),
        (ORDINARY, Namespace(prefix="Mail/", separator="/"), "Mail/Sent"),
        (ORDINARY, Namespace(prefix="", separator="/"), "Sent"),
    ],
)
def test_the_name_to_create_is_where_the_user_s_own_mailboxes_are(
    listing: list[Listed], namespace: Namespace, name: str
) -> None:
    assert name_to_create(listing, namespace) == name


@pytest.mark.parametrize("odd", ["\r", "\n", "a\r\nb", "\0", "\x1b", "\x85", "n" * 300])
def test_a_name_space_that_no_folder_can_be_in_is_passed_over(odd: str) -> None:
    assert name_to_create([], Namespace(prefix=odd, separator="/")) == "Sent"
    assert name_to_create([mailbox(f"INBOX{odd}a", separator=odd)], NONE) == "Sent"


def test_what_was_created_is_found_the_next_time() -> None:
    for namespace in (NONE, Namespace(prefix="INBOX.", separator="."), Namespace(prefix="Mail/", separator="/")):
        name = name_to_create([], namespace)
        assert choose_sent([mailbox(name, separator=namespace.separator or "/")], namespace) == name


# -- what the server says ----------------------------------------------------------------------------------------------


class Silent(Channel):
    """A connection that nothing is said over: what the server answered is parsed beforehand."""


def session(*, utf8: bool = False) -> ImapSession:
    """A session that reads names as that server writes them."""
    found = ImapSession(
        Silent(),  # type: ignore[abstract]
        Endpoint(host="imap.example.com", port=993, security=Security.TLS),
    )
    found.utf8 = utf8
    return found


def answered(raw: bytes) -> Completed:
    """A command and what came untagged before its end."""
    parser = ResponseParser(ResponseLimits())
    parser.feed(raw)
    data: list[Data] = []
    while (response := parser.next_response()) is not None:
        assert isinstance(response, Data)
        data.append(response)
    done = Status(tag="a1", status="OK", code="", arguments="", text="")
    return Completed(status=done, data=tuple(data), codes={})


@pytest.mark.parametrize("name", LANGUAGES.values(), ids=LANGUAGES)
def test_a_listing_is_read_in_modified_utf_7_and_in_utf_8(name: str) -> None:
    old = b'* LIST (\\Sent \\HasNoChildren) "." ' + quoted(encode_mailbox(name)) + b"\r\n"
    new = b'* LIST (\\Sent \\HasNoChildren) "." ' + quoted(name) + b"\r\n"
    expected = (mailbox(name, "\\sent", "\\hasnochildren", separator="."),)
    assert read_listing(session(), answered(old)) == expected
    assert read_listing(session(utf8=True), answered(new)) == expected


def test_atoms_literals_escapes_and_a_flat_name_space_are_read() -> None:
    raw = (
        b'* LIST () NIL INBOX\r\n* LIST () "\\\\" "a\\"b"\r\n'
        b'* LIST () "/" {6}\r\nR&-D"x\r\n* LIST () "/" Sent (OLDNAME (x))\r\n'
    )
    assert [(entry.name, entry.separator) for entry in read_listing(session(), answered(raw))] == [
        ("INBOX", ""),
        ('a"b', "\\"),
        ('R&D"x', "/"),
        ("Sent", "/"),
    ]


def test_an_attribute_that_is_no_text_does_not_keep_a_mailbox_from_being_read() -> None:
    (entry,) = read_listing(session(), answered(b'* LIST (\\Sent \\X\xff) "/" Sent\r\n'))
    assert "\\sent" in entry.attributes


def test_a_name_that_is_no_text_is_read_as_what_can_be_shown_of_it() -> None:
    for utf8 in (False, True):
        (entry,) = read_listing(session(utf8=utf8), answered(b'* LIST () "/" "Sent\xff"\r\n'))
        assert entry.name == "Sent\\xff"


def test_an_ampersand_is_one_where_names_are_utf_8() -> None:
    """RFC 6855 section 3: with UTF8=ACCEPT nothing is modified UTF-7 any more."""
    (entry,) = read_listing(session(utf8=True), answered(b'* LIST () "/" "R&-D"\r\n'))
    assert entry.name == "R&-D"


@pytest.mark.parametrize(
    "raw",
    [
        b"* LIST\r\n",
        b"* LIST ()\r\n",
        b'* LIST () "/"\r\n',
        b'* LIST x "/" Sent\r\n',
        b'* LIST () "/" NIL\r\n',
        b'* LIST () "/" (a)\r\n',
    ],
)
def test_an_entry_that_is_none_is_passed_over(raw: bytes) -> None:
    assert read_listing(session(), answered(raw + b'* LIST () "/" Sent\r\n')) == (mailbox("Sent"),)


@pytest.mark.parametrize(
    ("raw", "namespace"),
    [
        (b'(("" "/")) NIL NIL', Namespace(prefix="", separator="/")),
        (b'(("INBOX." ".")) (("Other." ".")) (("Shared." "."))', Namespace(prefix="INBOX.", separator=".")),
        (b'(("a/" "/") ("b/" "/")) NIL NIL', Namespace(prefix="a/", separator="/")),
        (b'(("Entw&APw-rfe/" "/" "X-PARAM" ("A" "B"))) NIL NIL', Namespace(prefix="Entwürfe/", separator="/")),
        (b'(("" NIL)) NIL NIL', Namespace()),
        (b'(("#mh" NIL)) NIL NIL', Namespace(prefix="#mh")),
        (b'(("' + b"x" * 127 + b'/" "/")) NIL NIL', Namespace(prefix=f"{'x' * 127}/", separator="/")),
        (b"NIL NIL NIL", Namespace()),
        (b"() NIL NIL", Namespace()),
        (b"x", Namespace()),
        (b"", Namespace()),
    ],
)
def test_the_first_personal_name_space_is_read(raw: bytes, namespace: Namespace) -> None:
    assert read_namespace(session(), answered(b"* NAMESPACE " + raw + b"\r\n")) == namespace


def test_a_server_that_says_nothing_of_name_spaces_has_none() -> None:
    assert read_namespace(session(), answered(b"")) == Namespace()


@pytest.mark.parametrize("utf8", [False, True])
@pytest.mark.parametrize(
    "control", ["\r", "\n", "\r\nb1 DELETE INBOX\r\n", "\0", "\x0b", "\x1c", "\x7f", "\x85", "\u2028"], ids=ascii
)
def test_no_folder_is_made_or_chosen_with_a_control_character_in_its_name(control: str, *, utf8: bool) -> None:
    """A literal can hold any, and with UTF-8 enabled a name goes out as it came; the settings would not keep it."""
    name = f"a{control}b"
    raw = name.encode() if utf8 else encode_mailbox(name).encode()
    sent = control.encode() if utf8 else encode_mailbox(control).encode()
    whole = ImapSession.mailbox_name(session(utf8=utf8), raw)
    assert whole == name
    space = read_namespace(
        session(utf8=utf8),
        answered(b"* NAMESPACE (({%d}\r\n%s {%d}\r\n%s)) NIL NIL\r\n" % (len(raw), raw, len(sent), sent)),
    )
    told = answered(
        b"* LIST (\\Sent) {%d}\r\n%s {%d}\r\n%s\r\n" % (len(sent), sent, len(raw), raw)
        + b"* LIST () {%d}\r\n%s {%d}\r\nINBOX%s\r\n" % (len(sent), sent, len(sent) + 5, sent)
    )
    listing = read_listing(session(utf8=utf8), told)
    assert space == Namespace()
    assert [entry.separator for entry in listing] == ["", ""]
    assert choose_sent(listing, space) is None
    assert name_to_create(listing, space) == "Sent"


def test_a_separator_that_is_no_character_is_none() -> None:
    listing = read_listing(session(), answered(b'* LIST () "//" INBOX//a\r\n* LIST () "" b\r\n'))
    assert [entry.separator for entry in listing] == ["", ""]
    assert read_namespace(session(), answered(b'* NAMESPACE (("a" "ab")) NIL NIL\r\n')) == Namespace(prefix="a")
    assert read_namespace(session(), answered(b'* NAMESPACE (("%s" "/")) NIL NIL\r\n' % (b"a" * 300))) == Namespace()
