"""Somebody at a browser, without the browser: signs in, fills the portal's own forms in and sends them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

import requests

from requests_app.demo.clock import DemoFailed
from requests_app.demo.people import PASSWORD

TIMEOUT = 20.0
STATE = re.compile(r'data-say="[^":]*: ([^",]*)(?:, ([^"]*))?"')


class _Forms(HTMLParser):
    """The forms of a page: their actions, and what their hidden fields and texts hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._open = False
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((found.get("action", ""), {}))
            self._open = True
        elif tag == "input" and self._open and found.get("type") in {"hidden", "text"}:
            self.forms[-1][1][found.get("name", "")] = found.get("value", "")
        elif tag == "textarea" and self._open:
            self._area = found.get("name", "")
            self.forms[-1][1][self._area] = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1][1][self._area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = False
        if tag == "textarea":
            self._area = ""


class Visitor:
    """One signed-in member of staff."""

    def __init__(self, portal_url: str, name: str) -> None:
        self._url = portal_url
        self._session = requests.Session()
        self._session.trust_env = False
        self.name = name
        self.send("/accounts/login/", "/accounts/login/", {"login": name, "password": PASSWORD})

    def page(self, path: str) -> str:
        """The text of a page; raises where it does not come."""
        answer = self._session.get(f"{self._url}{path}", timeout=TIMEOUT)
        if answer.status_code != 200:
            raise DemoFailed(f"{self.name} wanted to see {path} and got HTTP {answer.status_code}.")
        return answer.text

    def send(self, page: str, action: str, typed: Mapping[str, str]) -> str:
        """Open a page, fill the form with that action in, send it, and return the path that it leads to."""
        parser = _Forms()
        parser.feed(self.page(page))
        hidden = next((fields for target, fields in parser.forms if target == action), None)
        if hidden is None:
            raise DemoFailed(f"{self.name} finds no form for {action} on {page}.")
        answer = self._session.post(
            f"{self._url}{action}",
            data={**hidden, **typed},
            headers={"Referer": f"{self._url}{page}", "Origin": self._url},
            timeout=TIMEOUT,
            allow_redirects=False,
        )
        if answer.status_code != 302:
            raise DemoFailed(f"{self.name} sent {action} and got HTTP {answer.status_code}: {_complaints(answer.text)}")
        return str(answer.headers["Location"]).removeprefix(self._url)

    def actions(self, page: str, ending: str) -> list[str]:
        """Where the forms of a page lead whose address ends like this, as a pattern."""
        parser = _Forms()
        parser.feed(self.page(page))
        return [action for action, _ in parser.forms if re.search(f"{ending}$", action)]

    def state_of(self, ticket: str) -> tuple[str, str]:
        """State and outcome of a ticket, as its page says them."""
        found = STATE.search(self.page(ticket))
        if found is None:
            raise DemoFailed(f"The page {ticket} tells no state.")
        return found[1], found[2] or ""

    def files(self, ticket: str) -> list[bytes]:
        """Everything that can be downloaded from a ticket."""
        text = self.page(ticket)
        parser = _Forms()
        parser.feed(text)
        files = []
        for action, hidden in parser.forms:
            if action.endswith("/download/"):
                answer = self._session.post(
                    f"{self._url}{action}", data=hidden, headers={"Referer": f"{self._url}{ticket}"}, timeout=TIMEOUT
                )
                if answer.status_code != 200:
                    raise DemoFailed(f"The download of {ticket} ended with HTTP {answer.status_code}.")
                files.append(answer.content)
        return files


def _complaints(page: str) -> str:
    """What a page complains about, without its markup."""
    found = re.findall(r'class="(?:err|errorlist|call red)[^"]*"[^>]*>(.*?)</(?:div|ul)>', page, re.S)
    return " ".join(re.sub(r"<[^>]+>|\s+", " ", piece).strip() for piece in found)[:400]
