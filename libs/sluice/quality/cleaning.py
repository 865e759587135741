"""Make a page of Great Expectations' self-contained: it loads nothing, runs nothing, and leads nowhere.

As it comes, it loads 17 files from 8 other hosts (Bootstrap, jQuery, Vega, Font Awesome, a logo), without which it is
bare text with parts that never open. People open it from a bucket behind a firewall, and nobody should learn that they
do. A policy in the page's head makes a browser refuse whatever were overlooked here.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# With all that is in them; scripts need what is not loaded, and buttons need scripts.
_DROPPED = frozenset("script footer button form iframe object embed video audio svg nav title template".split())
_DROPPED_EMPTY = frozenset("link img input source track base".split())
_VOID = _DROPPED_EMPTY | frozenset("area br col hr meta wbr".split())
# A filter and a walk-through that are all buttons, and a list of links in a column of its own.
_DROPPED_CLASSES = (frozenset(("card", "mb-3")), frozenset(("card", "d-none")), frozenset(("modal",)))
_KEPT_ATTRIBUTES = frozenset("id class style name content charset lang role colspan rowspan hidden".split())
_EXTERNAL = re.compile(r"@import[^;]*;|url\([^)]*\)", re.IGNORECASE)
# What Bootstrap gave: width, space, tables, and colours that can be told apart on light and on dark.
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:75rem;padding:1rem}
*{box-sizing:border-box}h4,h5,h6{margin:1rem 0 .25rem}p{margin:.25rem 0}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{border-bottom:1px solid #8886;padding:.35rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}
.table-responsive,.show-scrollbars{overflow-x:auto}.alert{background:#8882;padding:.5rem .75rem;border-radius:.25rem}
.badge{border:1px solid #8888;border-radius:.25rem;padding:0 .3rem;font-size:.9em}.cooltip>span{display:none}
.fa-check-circle::before{content:"\\2713 passed";color:#178a3a}.fa-times::before{content:"\\2717 failed";color:#c62828}
.fa-exclamation-triangle::before{content:"! error";color:#b26a00}
i[class*=fa-]::before{font-style:normal;font-weight:600;white-space:nowrap}
"""


def self_contained(page: str, title: str) -> str:
    """The page without scripts, outside resources and links, with a style and a title of its own."""
    cleaner = _Cleaner()
    cleaner.feed(page)
    cleaner.close()
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
    )
    text = "".join(cleaner.parts).replace("<html>", '<html lang="en">', 1)
    return re.sub(r"\n\s*\n+", "\n", text.replace("<head>", f"<head>{head}", 1))


class _Cleaner(HTMLParser):
    """Writes down what may stay."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._dropping = ""
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            self._depth += tag == self._dropping
            return
        if tag in _DROPPED_EMPTY:
            return
        classes = set((dict(attrs).get("class") or "").split())
        if tag in _DROPPED or any(dropped <= classes for dropped in _DROPPED_CLASSES):
            if tag not in _VOID:
                self._dropping, self._depth = tag, 1
            return
        self.parts.append(f"<{tag}{''.join(_attribute(name, value) for name, value in attrs)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self._dropping:
            if tag not in _VOID:
                self.parts.append(f"</{tag}>")
        elif tag == self._dropping:
            self._depth -= 1
            if not self._depth:
                self._dropping = ""

    def handle_data(self, data: str) -> None:
        self._add(_EXTERNAL.sub("none", data) if self.lasttag == "style" else data)

    def handle_entityref(self, name: str) -> None:
        self._add(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._add(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self._add(f"<!{decl}>\n")

    def _add(self, text: str) -> None:
        if not self._dropping:
            self.parts.append(text)


def _attribute(name: str, value: str | None) -> str:
    """An attribute that neither runs nor loads anything, or nothing; within the page links still lead."""
    if name == "href" and (value or "").startswith("#"):
        return f' href="{escape(value or "")}"'
    if name not in _KEPT_ATTRIBUTES:
        return ""
    return f' {name}="{escape(_EXTERNAL.sub("none", value))}"' if value is not None else f" {name}"
