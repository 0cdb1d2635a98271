"""Swift source as the check scripts see it: code with comments and the text of strings blanked out.

Shared by check-layers and check-floor. Line numbers stay as they are in the file, and what stands in an interpolation
is code and stays. Regex literals are not recognised; the project has none.
"""

import pathlib
import re


def code_of(text):
    """The text with comments and string contents replaced by spaces; lines keep their numbers."""
    out = []
    _code(text, 0, out, until=None)
    return "".join(out)


STRING = re.compile(r'(#*)("""|")')
# What needs no look: everything up to the next character that may begin a comment, a string or a parenthesis.
PLAIN = re.compile(r'[^/"#()]+')


def _blank(piece):
    return re.sub(r"[^\n]", " ", piece)


def _code(text, at, out, until):
    """Copies code from `at` on, up to the parenthesis that closes an interpolation; returns where it ended."""
    depth = 0
    while at < len(text):
        if (plain := PLAIN.match(text, at)) is not None:
            out.append(plain.group())
            at = plain.end()
        elif text.startswith("//", at):
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            out.append(_blank(text[at:end]))
            at = end
        elif text.startswith("/*", at):
            end = _block_comment(text, at)
            out.append(_blank(text[at:end]))
            at = end
        elif (opening := STRING.match(text, at)) is not None:
            at = _string(text, opening, out)
        else:
            c = text[at]
            if until == ")":
                if c == "(":
                    depth += 1
                elif c == ")":
                    if depth == 0:
                        return at
                    depth -= 1
            out.append(c)
            at += 1
    return at


def _block_comment(text, at):
    depth = 0
    while at < len(text):
        if text.startswith("/*", at):
            depth += 1
            at += 2
        elif text.startswith("*/", at):
            depth -= 1
            at += 2
            if depth == 0:
                return at
        else:
            at += 1
    return at


def _string(text, opening, out):
    """Blanks a string but for its interpolations; returns where it ends."""
    hashes, quote = opening.groups()
    escape = "\\" + hashes
    closing = quote + hashes
    out.append(hashes + quote)
    at = opening.end()
    while at < len(text):
        if text.startswith(escape + "(", at):
            out.append(_blank(escape) + "(")
            at = _code(text, at + len(escape) + 1, out, until=")")
        elif text.startswith(escape, at):
            out.append(_blank(text[at : at + len(escape) + 1]))
            at += len(escape) + 1
        elif text.startswith(closing, at):
            out.append(closing)
            return at + len(closing)
        elif text[at] == "\n" and quote == '"':
            return at  # A broken literal: the compiler's business.
        else:
            out.append(_blank(text[at]))
            at += 1
    return at


class Source:
    """One file: its path below the root, and its code by line."""

    def __init__(self, root, path):
        self.path = path.relative_to(root)
        self.code = code_of(path.read_text(encoding="utf-8"))
        self.lines = self.code.split("\n")


def sources(root, folder):
    """Every Swift file below a folder of the root, in order of path."""
    return [Source(root, path) for path in sorted((root / folder).rglob("*.swift"))]


def project_root():
    return pathlib.Path(__file__).resolve().parent.parent
