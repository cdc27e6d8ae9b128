"""Every link between the pages of this repository leads somewhere, to a heading where it names one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from source_tree import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        target, _, anchor = link.partition("#")
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        file = (page.parent / target).resolve() if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in headings(file)):
            broken.append(link)
    assert broken == []


def test_every_page_of_docs_is_linked_from_another() -> None:
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page, text in texts.items()
        for link in re.findall(r"\]\(([^)\s]+)\)", text)
    }
    pages = {page.resolve() for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages - linked == set()
