"""The page of settings as a person sees it: by what stands on it, never by how it is made."""

from __future__ import annotations

import sys
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from .chromium import SECONDS

SCREENSHOTS = Path(__file__).parents[2] / ".nox" / "screenshots" / "{}.{}".format(*sys.version_info[:2])
"""Where pictures of the page are kept, for people to look at; git ignores it."""


_BUTTONS = """return [...document.querySelectorAll("button")]
    .filter(one => one.checkVisibility() && !one.ariaHidden).map(one => one.innerText)"""


class Screen:
    """A person before the browser.

    Args:
        browser: the browser.
        url: where the application is.
        name: what the pictures of this visit are called.
    """

    def __init__(self, browser: Chrome, url: str, name: str) -> None:
        self.browser = browser
        self._url = url
        self._name = name.removeprefix("test_")

    # -- doing -----------------------------------------------------------------------------------------------------

    def log_in(self, user: str) -> None:
        """Begin as one of the application's users."""
        self.browser.get(f"{self._url}/log-in")
        self.press(user)

    def reload(self) -> None:
        """Load the page again, as a new visit."""
        self.browser.get(self._url)

    def press(self, text: str) -> None:
        """Press the button with this text, and wait for the page that it leads to."""
        self._press(self._button(text))

    def take_what_is_meant(self) -> None:
        """Press the first button that says what was probably meant."""
        self._press(self.browser.find_element(By.CSS_SELECTOR, "button.meant"))

    def _press(self, button: WebElement) -> None:
        self.browser.execute_script("window.isTheOldPage = true")
        button.click()
        is_there = "return !window.isTheOldPage && document.readyState === 'complete'"
        WebDriverWait(self.browser, SECONDS, poll_frequency=0.02).until(lambda seen: seen.execute_script(is_there))

    def open_more(self) -> None:
        """Show the providers that are not shown at first."""
        self.browser.find_element(By.TAG_NAME, "summary").click()

    def fill(self, **values: str) -> None:
        """Type into fields, by name, in place of what stands there."""
        for name, value in values.items():
            field = self._field(name)
            if field.tag_name == "select":
                Select(field).select_by_value(value)
            else:
                field.send_keys(Keys.CONTROL, "a", Keys.NULL, value)

    def tick(self) -> None:
        """Click the box "Enable SMTP and IMAP"."""
        self._field("enabled").click()

    # -- looking ---------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where the browser is."""
        return self.browser.current_url

    @property
    def text(self) -> str:
        """All that can be read."""
        return self.browser.find_element(By.TAG_NAME, "body").text

    @property
    def source(self) -> str:
        """What the server has sent, in which there may be more than can be read."""
        return self.browser.page_source

    @property
    def buttons(self) -> list[str]:
        """What can be pressed."""
        seen: list[str] = self.browser.execute_script(_BUTTONS)
        return seen

    @property
    def picked(self) -> str:
        """The provider that is picked."""
        return self.browser.find_element(By.CSS_SELECTOR, "[aria-pressed=true]").text

    @property
    def is_enabled(self) -> bool:
        """Whether the box is ticked."""
        return self._field("enabled").is_selected()

    @property
    def green(self) -> str:
        """The green lines."""
        return self._lines("good")

    @property
    def red(self) -> str:
        """The red lines."""
        return self._lines("bad")

    @property
    def yellow(self) -> str:
        """The yellow lines."""
        return self._lines("hint")

    def values(self, *names: str) -> tuple[str, ...]:
        """Return what stands in fields."""
        return tuple(str(self._field(name).get_property("value")) for name in names)

    def placeholder(self, name: str) -> str:
        """Return what an empty field says."""
        return self._field(name).get_attribute("placeholder") or ""

    def errors(self) -> dict[str, str]:
        """Return what is said beside each field, by its name."""
        found = self.browser.find_elements(By.CSS_SELECTOR, ".error")
        return {(one.get_attribute("id") or "").removesuffix("-error"): one.text for one in found}

    def keep_picture(self, moment: str) -> None:
        """Keep a picture of the page, called by what has just happened."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.browser.save_screenshot(str(SCREENSHOTS / f"{self._name}_{moment}.png"))

    def _button(self, text: str) -> WebElement:
        return self.browser.find_element(By.XPATH, f"//button[not(@aria-hidden)][normalize-space() = '{text}']")

    def _field(self, name: str) -> WebElement:
        return self.browser.find_element(By.NAME, name)

    def _lines(self, tone: str) -> str:
        return "\n".join(one.text for one in self.browser.find_elements(By.CSS_SELECTOR, f".line.{tone}[role]"))
