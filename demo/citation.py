"""How to cite the papers that a result was made by: in words and as BibTeX."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any

from style_core import get_method, list_methods

from .texts import say


def papers_of(methods: Iterable[Any]) -> list[Any]:
    """The papers of methods, each once; what is no method has none."""
    known = [name for name in methods if isinstance(name, str) and name in list_methods()]
    return list(dict.fromkeys(get_method(name).paper for name in known))


def in_words(paper: Any) -> str:
    """A reference in a line."""
    return f"{paper.authors} {paper.title}. {paper.venue} {paper.year}. arXiv:{paper.arxiv}"


def bibtex(paper: Any) -> str:
    """A BibTeX entry."""
    first = paper.authors.removesuffix(" et al.")
    key = re.sub(r"\W", "", first.split(" ")[-1]).lower() + str(paper.year)
    author = f"{first} and others" if first != paper.authors else first
    fields = {
        "title": paper.title, "author": author, "booktitle": paper.venue, "year": paper.year,
        "eprint": paper.arxiv, "archivePrefix": "arXiv",
    }  # fmt: skip
    lines = "\n".join(f"  {name} = {{{value}}}," for name, value in fields.items())
    return f"@inproceedings{{{key},\n{lines}\n}}"


def citation_html(methods: Iterable[Any], language: str) -> str:
    """The part of a page that says how to cite them; nothing without papers."""
    papers = papers_of(methods)
    if not papers:
        return ""
    words = "".join(f"<p>{html.escape(in_words(paper))}</p>" for paper in papers)
    entries = html.escape("\n\n".join(bibtex(paper) for paper in papers))
    title = say("Cite the papers", language)
    return f'<details class="cite"><summary>{title}</summary>{words}<pre>{entries}</pre></details>'
