"""Keeping to what the fonts can show.

PDF/A and PDF/UA make a character without a glyph a hard error, and a patient's name must never stop a close. So every
text is looked through first; what no font has is replaced, counted and told.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias, cast

import fontpkg_inter  # pyright: ignore[reportMissingTypeStubs] - it has no types
import fontpkg_noto_sans  # pyright: ignore[reportMissingTypeStubs] - it has no types
from fontTools.ttLib import TTFont  # pyright: ignore[reportMissingTypeStubs] - it has no types

FONT_FOLDERS: Final = (Path(fontpkg_inter.ROOT) / "files", Path(fontpkg_noto_sans.ROOT) / "files")

Tree: TypeAlias = "str | int | bool | Sequence[Tree] | Mapping[str, Tree] | None"
"""What a template is given: JSON."""

_FONT_FILES: Final = (FONT_FOLDERS[0] / "Inter[opsz,wght].ttf", FONT_FOLDERS[1] / "NotoSans[wdth,wght].ttf")
_REPLACEMENT: Final = "\ufffd"
_CLUSTER: Final = re.compile(r".[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]*", re.DOTALL)
_LONG_WORD: Final = re.compile(r"\S{31,}")
_CHUNK: Final = re.compile(r".{1,20}", re.DOTALL)
_BLANK: Final = ("Cc", "Zl", "Zp", "Zs")
_FORMAT: Final = "Cf"
"""Direction marks, joiners, soft hyphens: they could make a name read as another, and a record needs none."""

_UNSHOWN: Final = ("Cn", "Co", "Cs")
"""Unassigned, private use, surrogates: archives refuse them, whatever a font has."""


@cache
def coverage() -> tuple[frozenset[int], ...]:
    """Return the code points of each font, in order of preference; read once per process."""
    return tuple(_code_points(path) for path in _FONT_FILES)


def _code_points(path: Path) -> frozenset[int]:
    with TTFont(path, lazy=True) as font:
        # fontTools is untyped: its best character map goes from code points to names of glyphs.
        return frozenset(cast("dict[int, str]", font.getBestCmap()))


def showable(text: str, replaced: Counter[str]) -> str:
    """Return the text as the fonts can show it, in one line, and count in `replaced` what they cannot.

    Controls become spaces or vanish; formats (direction marks, joiners) vanish; long words may break.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        text = "".join(_cluster(match[0], replaced) for match in _CLUSTER.finditer(text))
    text = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())
    return _LONG_WORD.sub(_breakable, text)


def showable_tree(tree: Tree, replaced: Counter[str]) -> Tree:
    """Return the same tree with every string made showable: one place, so that none is forgotten."""
    if isinstance(tree, str):
        return showable(tree, replaced)
    if isinstance(tree, Mapping):
        return {key: showable_tree(value, replaced) for key, value in tree.items()}
    if isinstance(tree, Sequence):
        return [showable_tree(value, replaced) for value in tree]
    return tree


def ascii_tree(tree: Tree) -> Tree:
    """Return the tree in bare ASCII: the last resort when the typesetter refuses a text for a reason not foreseen."""
    if isinstance(tree, str):
        return unicodedata.normalize("NFKD", tree).encode("ascii", "replace").decode()
    if isinstance(tree, Mapping):
        return {key: ascii_tree(value) for key, value in tree.items()}
    if isinstance(tree, Sequence):
        return [ascii_tree(value) for value in tree]
    return tree


def _cluster(cluster: str, replaced: Counter[str]) -> str:
    """Return a character with its combining marks as one font can show it: a cluster cannot mix two fonts."""
    category = unicodedata.category(cluster[0])
    if category in _BLANK:
        return " "
    if category == _FORMAT:
        return ""
    fonts = [] if category in _UNSHOWN else [font for font in coverage() if ord(cluster[0]) in font]
    if not fonts:
        replaced.update(cluster)
        return _REPLACEMENT
    if any(all(ord(character) in font for character in cluster) for font in fonts):
        return cluster
    replaced.update(character for character in cluster if ord(character) not in fonts[0])
    return "".join(character for character in cluster if ord(character) in fonts[0])


def _breakable(word: re.Match[str]) -> str:
    """Let a very long word break, so that it stays inside its column."""
    return "\u200b".join(_CHUNK.findall(word[0]))
