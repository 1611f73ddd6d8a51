"""XML from strangers: what is read, what is refused and by which code, and that nothing else ever happens."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tether_mailconf.discovery.xml_document import first, read_xml, text_of
from tether_mailconf.errors import Problem

LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE lolz [
 <!ENTITY lol "lol">
 <!ENTITY lol1 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
 <!ENTITY lol2 "&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;">
 <!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">
]>
<lolz>&lol3;</lolz>
"""


def told(document: bytes, *, most_bytes: int = 10_000_000, deepest: int = 8) -> str:
    """The root's name, or the code of what is wrong."""
    root = read_xml(document, most_bytes=most_bytes, deepest=deepest)
    return root.code if isinstance(root, Problem) else root.tag


@pytest.mark.parametrize(
    "document",
    [
        b"<a/>",
        b"<A></A>",
        b"\xef\xbb\xbf<a/>",
        b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?><a/>",
        b"\r\n \t<?xml version='1.0'?><a/>",
        b"<?xml version='1.0' encoding='utf-8' standalone='yes'?><a/>",
        b"<?xml version='1.0' encoding='UTF8'?><a/>",
        b"<?xml version='1.0' encoding='US-ASCII'?><a/>",
        b"<?php echo 1 ?><!-- <!DOCTYPE a> --><a/><!-- end -->",
        b"<a><![CDATA[<!DOCTYPE a [<!ENTITY b 'c'>]>&b;]]></a>",
        b"<a b='&lt;!DOCTYPE a>'/>",
        b"<a>&lt;!DOCTYPE a></a>",
        b"<x:a xmlns:x='urn:one'/>",
        b"<x:a/>",
        b"<a xmlns='urn:one' b='&amp;&#65;&#x42;'>&quot;</a>",
        b"<a>" * 8 + b"</a>" * 8,
    ],
)
def test_a_document_is_read(document: bytes) -> None:
    assert told(document) == "a"


@pytest.mark.parametrize(
    "document",
    [
        LAUGHS.encode(),
        b"<!DOCTYPE a><a/>",
        b"<!DOCTYPE\n\ta\n><a/>",
        b"<!DOCTYPE a []><a/>",
        b"<!DOCTYPE html><html></html>",
        b"<!DOCTYPE a PUBLIC '-//x//y' 'https://a.example/x.dtd'><a/>",
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]><a b='&x;'/>",
        b"<!DOCTYPE a [<!ENTITY % p SYSTEM 'https://a.example/p'> %p;]><a/>",
        b"<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>",
        b"<!-- one --><?two?><!DOCTYPE a><a/>",
        b"<?xml version='1.0'?>\n<!-- one -->\n<!DOCTYPE a>\n<a/>",
        b"\xef\xbb\xbf<!DOCTYPE a><a/>",
        b"\n\n<!DOCTYPE a><a/>",
        b"<!DOCTYPE x:a><x:a/>",
        b"<!DOCTYPE a [",
        b"<!DOCTYPE a [ rubbish",
        b"<!DOCTYPE a" + b" " * 100_000 + b"><a/>",
    ],
)
def test_a_document_type_is_refused_wherever_it_stands(document: bytes) -> None:
    assert told(document) == "document.doctype"


@pytest.mark.parametrize(
    "document",
    [
        b"<!doctype a><a/>",
        b"<!DocType a><a/>",
        b"<!DOCTYPE",
        b"<! DOCTYPE a><a/>",
        b"<a><!DOCTYPE a></a>",
        b"<a/><!DOCTYPE a>",
        b"<!ENTITY x 'y'><a>&x;</a>",
        b"<a>&x;</a>",
        b"<a>&nbsp;</a>",
        b"<a b='&x;'/>",
        b"<a>%x;</a",
        b"<a>&#0;</a>",
        b"<a>&#xFFFFFFFFF;</a>",
        b"<a>\0</a>",
        b"<a>\x01</a>",
        b"",
        b" \n",
        b"\xef\xbb\xbf",
        b"plain text",
        b"{}",
        b"<a>",
        b"<a></b>",
        b"<a></A>",
        b"<a b=c/>",
        b"<a b='1' b='2'/>",
        b"<a/><a/>",
        b"<a><![CDATA[x</a>",
        b"<a><!-- x -- y --></a>",
        b"+ADw-a/+AD4-",
        b"<?xml version='1.0' encoding='utf-7'?",
        b"<a/>\0",
    ],
)
def test_what_is_no_xml_is_malformed(document: bytes) -> None:
    assert told(document) == "document.malformed"


@pytest.mark.parametrize(
    "document",
    [
        "<a/>".encode("utf-16"),
        "<a/>".encode("utf-16-le"),
        "<a/>".encode("utf-16-be"),
        "<a/>".encode("utf-32"),
        "<a/>".encode("utf-32-be"),
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a><a/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='utf-16'?><a/>",
        b"<?xml version='1.0' encoding='utf-7'?><a>+ADwAIQ-DOCTYPE a+AD4-</a>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>",
        b"<?xml version='1.0' encoding='cp037'?><a/>",
        b"<?xml version='1.0' encoding='idna'?><a/>",
        b"<?xml version='1.0' encoding='x'?><!DOCTYPE a><a/>",
        b"<a>\xe9</a>",
        b"<a>\xc0\xbc</a>",
        b"<a>\xed\xa0\x80</a>",
        b"\xff<a/>",
        "<a/>".encode("cp037"),
    ],
)
def test_another_encoding_than_utf_8_is_refused(document: bytes) -> None:
    assert told(document) == "document.encoding"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param(b"<a/>" + b" " * 997, "document.too_long", id="bytes"),
        pytest.param(b"<a/>" + b" " * 996, "a", id="just as many bytes"),
        pytest.param(b"\xff" * 1001, "document.too_long", id="rubbish"),
        pytest.param(b"<a" + b" b=''" * 1_000_000 + b"/>", "document.too_long", id="a million attributes"),
    ],
)
def test_the_length_is_looked_at_first(document: bytes, code: str) -> None:
    assert told(document, most_bytes=1000) == code


@pytest.mark.parametrize(
    ("document", "code"),
    [
        pytest.param(b"<a>" * 100_000, "document.too_deep", id="deep and open"),
        pytest.param(b"<a>" * 100_000 + b"</a>" * 100_000, "document.too_deep", id="deep and closed"),
        pytest.param(b"<a>" * 9 + b"</a>" * 9, "document.too_deep", id="one too deep"),
        pytest.param(b"<a>" + b"<b/>" * 4_999 + b"</a>", "a", id="just as many elements"),
        pytest.param(b"<a>" + b"<b/>" * 5_000 + b"</a>", "document.too_long", id="one element too many"),
        pytest.param(b"<a" + b"".join(b" a%d=''" % n for n in range(100)) + b"/>", "a", id="just as many attributes"),
        pytest.param(
            b"<a" + b"".join(b" a%d=''" % n for n in range(101)) + b"/>",
            "document.too_long",
            id="an attribute too many",
        ),
        pytest.param(
            b"<a" + b"".join(b" a%d=''" % n for n in range(20_000)) + b"/>", "document.too_long", id="many attributes"
        ),
    ],
)
def test_no_tree_grows_beyond_its_limits(document: bytes, code: str) -> None:
    assert told(document) == code


def test_the_tree_has_local_names_in_lower_case_and_no_attributes_of_other_vocabularies() -> None:
    document = b"<X:Root xmlns:X='urn:x' xmlns='urn:y' TYPE='a' X:Type='b'><X:Child>c</X:Child></X:Root>"
    root = read_xml(document, most_bytes=1000, deepest=2)
    assert not isinstance(root, Problem)
    assert (root.tag, root.attrib, [child.tag for child in root]) == ("root", {"type": "a"}, ["child"])


def test_text_is_joined_over_comments_instructions_and_sections() -> None:
    document = b"<a> one<!-- x --><?y?>.<![CDATA[<two>]]>&amp;\n<b/>three</a>"
    root = read_xml(document, most_bytes=1000, deepest=2)
    assert not isinstance(root, Problem)
    assert text_of(root) == "one.<two>&"


def test_the_first_child_that_has_text_is_read() -> None:
    root = read_xml(b"<a><b/><c>x</c><b> </b><b> 1 </b><b>2</b></a>", most_bytes=1000, deepest=2)
    assert not isinstance(root, Problem)
    assert (first(root, "b"), first(root, "d")) == ("1", "")


def test_a_problem_says_where_it_is() -> None:
    found = read_xml(b"<a>\n<b>\n</a>", most_bytes=1000, deepest=8)
    assert found == Problem(
        field="",
        code="document.malformed",
        message="the document is not well-formed XML: mismatched tag in line 3",
    )


def test_nothing_of_xml_is_imported_before_a_document_is_read() -> None:
    script = (
        "import sys, tether_mailconf.discovery.client_config, tether_mailconf.discovery.autodiscover_xml;"
        "print(sorted(name for name in sys.modules if name.startswith(('xml', 'pyexpat', 'publicsuffixlist'))))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


PIECES = st.sampled_from(
    [
        "<", ">", "/", "<a>", "</a>", "<a/>", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE", "[", "]>", "<!ENTITY",
        "%", "&", ";", "&amp;", "&#65;", "<?", "?>", "<?xml", "version='1.0'?>", "encoding='utf-8'",
        "encoding='utf-16'", "a", "='b'", "x:", "xmlns:x='y'", "\0", "é",
    ]
)  # fmt: skip


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=30).map(lambda pieces: "".join(pieces).encode())))
def test_any_bytes_give_a_tree_or_a_problem(document: bytes) -> None:
    root = read_xml(document, most_bytes=300, deepest=4)
    if isinstance(root, Problem):
        assert root.code.startswith("document.")
        assert root.message.isprintable()
    else:
        assert b"<!DOCTYPE" not in document or b"<!--" in document or b"<![CDATA[" in document or b"<?" in document
