"""Reads pages as a browser would, with nothing but Python's own parser."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "path", "br", "hr", "img", "link", "input"}


@dataclass
class Element:
    """A tag, its attributes, and what is in it."""

    tag: str
    attributes: dict[str, str]
    inside: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words in it, in their order."""
        words = (part if isinstance(part, str) else part.text for part in self.inside)
        return " ".join(" ".join(words).split())

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Return the elements in it, at any depth, of a tag and with attributes."""
        found = []
        for part in self.inside:
            if isinstance(part, Element):
                if tag in ("", part.tag) and attributes.items() <= part.attributes.items():
                    found.append(part)
                found += part.all(tag, **attributes)
        return found

    def by_id(self, name: str) -> Element:
        """Return the one element of an id."""
        (element,) = self.all(id=name)
        return element

    def rows(self) -> list[list[str]]:
        """Return the words in the cells of a table."""
        return [[cell.text for cell in row.all() if cell.tag in ("td", "th")] for row in self.all("tr")]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


def read_page(page: str) -> Element:
    """Return a page as a tree; fail where its tags do not match."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root
