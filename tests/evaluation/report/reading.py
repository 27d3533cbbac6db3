"""Reads a page as a browser would: headings, tables, pictures, addresses."""

import re
from base64 import b64decode
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """What a page holds.

    Attributes:
        tags: every tag with its attributes, in order.
        headings: level and text.
        tables: caption, rows of (tag, classes, text) and whether all headings have a scope.
    """

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.source, self.tags, self.open = text, [], []
        self.headings, self.tables, self.texts, self.css, self.scripts = [], [], {}, "", ""
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        assert len(named) == len(attributes), f"an attribute twice in {tag}"
        self.tags.append((tag, named))
        if tag not in VOID:
            self.open.append(tag)
        classes = (named.get("class") or "").split()
        if tag in {"h1", "h2", "h3"}:
            self.headings.append([tag, ""])
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        if tag == "tr":
            self.tables[-1]["rows"].append([])
        if tag in {"td", "th"}:
            cell = {"tag": tag, "scope": named.get("scope"), "classes": classes, "text": "", "aloud": ""}
            self.tables[-1]["rows"][-1].append(cell)
        if tag == "span" and "aloud" in classes:
            self.open[-1] = "aloud"

    def handle_endtag(self, tag):
        last = self.open.pop()
        assert last == ("aloud" if last == "aloud" else tag), f"{tag} closes {last}"

    def handle_data(self, data):
        where = self.open[-1] if self.open else ""
        if where == "style":
            self.css += data
        elif where == "script":
            self.scripts += data
        elif self.headings and where in {"h1", "h2", "h3"}:
            self.headings[-1][1] += data
        elif "caption" in self.open:
            self.tables[-1]["caption"] += data
        elif where == "aloud":
            self.tables[-1]["rows"][-1][-1]["aloud"] += data
        elif {"td", "th"} & set(self.open):
            self.tables[-1]["rows"][-1][-1]["text"] += data
        else:
            self.texts.setdefault(where, []).append(data.strip())

    def values(self, tag, name):
        return [attributes[name] for found, attributes in self.tags if found == tag and name in attributes]

    @property
    def pictures(self):
        """Bytes and alternative text of every picture."""
        found = [attributes for tag, attributes in self.tags if tag == "img"]
        return [(b64decode(one["src"].partition("base64,")[2]), one["alt"]) for one in found]

    @property
    def addresses(self):
        """Everything that a browser would fetch, or go to."""
        names = ("href", "src", "srcset", "action", "data", "poster", "background", "formaction", "ping", "manifest")
        found = [attributes[name] for _, attributes in self.tags for name in names if attributes.get(name)]
        styles = self.css + " ".join(attributes.get("style", "") for _, attributes in self.tags)
        return found + re.findall(r"@import[^;]*", styles) + re.findall(r"url\(([^)]*)\)", styles)


def body(table):
    """The texts of a table's body."""
    return [[cell["text"] for cell in row] for row in table["rows"][1:]]
