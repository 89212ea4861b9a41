"""Notes as people read them."""

from __future__ import annotations

from django import template
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString

from requests_app.models import Note
from requests_app.workflow import mentions

register = template.Library()


@register.filter
def words(note: Note) -> SafeString:
    """The text of a note: escaped, with its line breaks, and whom it mentions by their names, highlighted.

    Takes a note whose mentions were fetched with their people.
    """
    names = {one.person.get_username(): one.person for one in note.mentions.all()}
    return format_html_join(
        "",
        "{}",
        (
            (_highlighted(part.name, names[part.name].get_full_name()) if part.name else _lines(part.text),)
            for part in mentions.parts(note.text, names)
        ),
    )


def _highlighted(username: str, full_name: str) -> SafeString:
    return format_html('<b class="mention" title="@{}">{}</b>', username, full_name or f"@{username}")


def _lines(text: str) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", ((conditional_escape(line),) for line in text.split("\n")))
