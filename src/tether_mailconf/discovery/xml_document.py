"""XML from strangers: a small tree of elements, or why the document is not read.

Every web server that answers for a domain may send anything at all, so nothing that XML offers beyond elements,
attributes and text is accepted: no document type, hence no entity, and no encoding but UTF-8. Limits come first, and
each is met before the tree has grown beyond it. What the elements mean, and who sent them, is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Problem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element, TreeBuilder

_MOST_ELEMENTS = 5_000
_MOST_ATTRIBUTES = 100
_ENCODINGS = ("utf-8", "utf8", "us-ascii")
_BOM = b"\xef\xbb\xbf"


def read_xml(document: bytes, *, most_bytes: int, deepest: int) -> Element | Problem:
    """Return the root of a document (XML 1.0), or why it is not read.

    Formats are told apart by local names, so that is what the tree has: the names of its elements and attributes are in
    lower case and without a prefix, whatever namespace they are in. Attributes that have a prefix belong to another
    vocabulary than their element (Namespaces in XML 1.0, section 6.2) and are left out, and so are declarations of
    namespaces, comments and processing instructions.

    Args:
        document: the bytes, as they came.
        most_bytes: the longest document that is looked at, in bytes.
        deepest: how many elements may stand inside each other; the root is the first.
    """
    if len(document) > most_bytes:
        return _problem("too_long", f"the document has more than {most_bytes} bytes")
    # A byte order mark is no character of the document (XML 1.0, section 4.3.3). A blank before the declaration is
    # forbidden, yet many scripts that write such documents leave one there, and it can mean nothing else.
    text = document.removeprefix(_BOM).lstrip(b" \t\r\n")
    if not _is_utf8(text):
        return _problem("encoding", "the document is not in UTF-8")
    # Imported here: it costs more than most discoveries, which meet no XML.
    from xml.etree.ElementTree import TreeBuilder
    from xml.parsers import expat

    tree = _Tree(TreeBuilder(), deepest)
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.XmlDeclHandler = tree.declaration
    parser.StartDoctypeDeclHandler = tree.doctype
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.builder.data
    try:
        # In one piece: fed in small ones, expat looks at an unfinished token again and again (CVE-2023-52425).
        parser.Parse(text, True)
        return tree.builder.close()
    except _Refusal as refusal:
        return refusal.problem
    except expat.ExpatError as error:
        why = f"{expat.ErrorString(error.code)} in line {error.lineno}"
        return _problem("malformed", f"the document is not well-formed XML: {why}")


class _Refusal(Exception):
    """A handler ends the parsing.

    Args:
        problem: why.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


class _Tree:
    """The tree as it grows, and the limits that it grows in."""

    def __init__(self, builder: TreeBuilder, deepest: int) -> None:
        self.builder = builder
        self._deepest = deepest
        self._depth = 0
        self._elements = 0

    def declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        del version, standalone
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise _Refusal(_problem("encoding", "the document declares another encoding than UTF-8"))

    def doctype(self, name: str, system_id: str | None, public_id: str | None, has_internal_subset: int) -> None:
        del name, system_id, public_id, has_internal_subset
        # Called before anything in it is looked at, so no entity is ever declared.
        raise _Refusal(_problem("doctype", "it declares a document type, which can declare entities"))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > self._deepest:
            raise _Refusal(_problem("too_deep", f"more than {self._deepest} elements stand inside each other"))
        if self._elements > _MOST_ELEMENTS:
            raise _Refusal(_problem("too_long", f"the document has more than {_MOST_ELEMENTS} elements"))
        if len(attributes) > _MOST_ATTRIBUTES:
            raise _Refusal(_problem("too_long", f"an element has more than {_MOST_ATTRIBUTES} attributes"))
        own = {key.lower(): value for key, value in attributes.items() if ":" not in key and key != "xmlns"}
        self.builder.start(_local(name), own)

    def end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_local(name))


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()


def _is_utf8(text: bytes) -> bool:
    # UTF-16 and UTF-32 without a byte order mark show by the NUL next to the first "<" (XML 1.0, appendix F.1).
    if b"\0" in text[:2]:
        return False
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _problem(code: str, message: str) -> Problem:
    return Problem(field="", code=f"document.{code}", message=message)


def text_of(element: Element) -> str:
    """Return the text that an element begins with, without blanks around it."""
    return (element.text or "").strip()


def first(element: Element, name: str) -> str:
    """Return the text of the first child of this name that has any; empty if none has.

    Args:
        element: the parent.
        name: the child's local name in lower case.
    """
    return next((text for child in element.findall(name) if (text := text_of(child))), "")
