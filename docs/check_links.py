"""Follow every link inside the built site, anchors included.

python docs/check_links.py site
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and what can be linked to on it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.anchors = [], {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name") if tag == "a" else None}
        self.links += [attributes[name] for name in ("href", "src") if attributes.get(name)]


def broken(site):
    """Page and link, for each link of a page to nothing."""
    pages = {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}
    for path, page in pages.items():
        for link in page.links:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            where = (path.parent / unquote(target.path)).resolve() if target.path else path
            where = where / "index.html" if where.is_dir() else where
            is_there = where.exists() and (
                where not in pages or unquote(target.fragment) in pages[where].anchors
            )
            if not is_there:
                yield path.relative_to(site), link


def main():
    site = Path(sys.argv[1]).resolve()
    found = sorted(set(broken(site)))
    print(*(f"{page}: {link} leads nowhere" for page, link in found), sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
