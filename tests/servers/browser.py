"""A browser of its own for one person: it follows links and redirects, keeps cookies, and submits the forms it finds.

It goes no further than the site it was opened on: a redirect to another one, such as the host application's callback,
is where it stops. It knows neither OAuth nor the library under test.
"""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Self
from urllib.parse import urljoin, urlsplit

import attrs
import requests

TIMEOUT = 20.0
MOST_REDIRECTS = 10


@attrs.frozen(kw_only=True)
class Form:
    """A form of a page.

    Args:
        action: where it goes.
        fields: the inputs, by name, as they are filled in already.
    """

    action: str
    fields: Mapping[str, str]


@attrs.frozen(kw_only=True)
class Page:
    """What the browser shows.

    Args:
        url: where it is.
        forms: the forms to be submitted by POST.
        links: the addresses that the page links to.
        text: the page's HTML, for an error.
    """

    url: str
    forms: tuple[Form, ...] = ()
    links: tuple[str, ...] = ()
    text: str = ""


class Browser:
    """A browser. Use it as a context manager.

    Args:
        ca_file: the authority that is believed.
    """

    def __init__(self, ca_file: Path) -> None:
        self._session = requests.Session()
        # Or REQUESTS_CA_BUNDLE of the machine would be believed instead of `ca_file`.
        self._session.trust_env = False
        self._session.verify = str(ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def open(self, url: str) -> Page:
        """Go to an address.

        Raises:
            AssertionError: if it answers with an error.
        """
        return self._go("GET", url, {})

    def submit(self, page: Page, filled_in: Mapping[str, str]) -> Page:
        """Submit the only form of a page, with some fields filled in or a button's name and value added.

        Raises:
            AssertionError: if there is no form, or more than one, or the answer is an error.
        """
        if len(page.forms) != 1:
            raise AssertionError(f"{page.url} has {len(page.forms)} forms:\n{page.text}")
        form = page.forms[0]
        return self._go("POST", urljoin(page.url, form.action), {**form.fields, **filled_in}, referer=page.url)

    def _go(self, method: str, url: str, data: Mapping[str, str], referer: str = "") -> Page:
        """Send one request and follow what it is answered with."""
        for _ in range(MOST_REDIRECTS):
            response = self._session.request(
                method, url, data=data, headers={"Referer": referer}, timeout=TIMEOUT, allow_redirects=False
            )
            if not response.is_redirect:
                if not response.ok:
                    raise AssertionError(f"{url} answered {response.status_code}:\n{response.text}")
                return page_of(response.url, response.text)
            target = urljoin(url, response.headers["Location"])
            if urlsplit(target)[:2] != urlsplit(url)[:2]:
                return Page(url=target)
            method, url, data = "GET", target, {}
        raise AssertionError(f"{url} redirects without an end")


def page_of(url: str, text: str) -> Page:
    """Return a page with its forms and links."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    forms = tuple(Form(action=action, fields=fields) for action, fields in reader.forms)
    return Page(url=url, forms=forms, links=tuple(urljoin(url, link) for link in reader.links), text=text)


class Reader(HTMLParser):
    """Collects forms and links."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.links: list[str] = []
        self._is_in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a form, an input in it, or a link. Buttons are pressed by name, so they are no fields."""
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("method", "").lower() == "post":
            self._is_in_form = True
            self.forms.append((said.get("action", ""), {}))
        elif tag == "input" and self._is_in_form and "name" in said and said.get("type") not in {"submit", "button"}:
            self.forms[-1][1][said["name"]] = said.get("value", "")
        elif tag == "a" and "href" in said:
            self.links.append(said["href"])

    def handle_endtag(self, tag: str) -> None:
        """Leave a form."""
        if tag == "form":
            self._is_in_form = False
