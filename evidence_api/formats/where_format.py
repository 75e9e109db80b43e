"""Catalog format, one `where`: the same condition in its one canonical spelling.

One space around operators and after commas; parentheses only where precedence needs them, and around what
`!` negates when that is a comparison; double quotes, and only around words that would be read differently
bare. Every literal keeps its spelling: a time its offset, a number its digits, a duration its units.
"""

from collections.abc import Iterable, Sequence

from lark import Token, Tree

from evidence_api.domain.where import KEYWORDS, quoted
from evidence_api.formats.where import BARE_ATOM, MAX_DEPTH, operand, syntax_tree
from evidence_api.formats.where_types import NUMBER, Operand, WhereFault


def format_where(text: str) -> str:
    """The condition on one line. Raises WhereFault where it does not parse."""
    return " ".join(chunks(text))


def chunks(text: str) -> Sequence[str]:
    """The condition in pieces between which a line may end; joined by spaces they are the whole."""
    return _node(syntax_tree(text), 0)


def wrapped(pieces: Iterable[str], first: int, rest: int) -> Sequence[str]:
    """The pieces on lines of at most so many characters, where no piece is longer."""
    lines: list[str] = []
    for piece in pieces:
        room = first if len(lines) <= 1 else rest
        if lines and len(lines[-1]) + 1 + len(piece) <= room:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines


def _node(node: Tree[Token] | Token, depth: int) -> list[str]:
    """The pieces of a node; groups that say nothing are left out."""
    assert isinstance(node, Tree)  # noqa: S101  only operands are tokens, and _comparison() takes those
    if depth > MAX_DEPTH:
        raise WhereFault(0, "too_deep", f"nested over {MAX_DEPTH} levels", "take parentheses and ! away")
    match node.data:
        case "or_":
            return _joined(node, "||", depth)
        case "and_":
            return _joined(node, "&&", depth)
        case "negation":
            return _negated(node.children[0], depth)
        case "group":
            return _node(node.children[0], depth + 1)
        case _:
            return [_comparison(node)]


def _joined(node: Tree[Token], sign: str, depth: int) -> list[str]:
    """Terms joined by && or ||; only an || inside an && needs parentheses."""
    pieces: list[str] = []
    for child in node.children:
        term = _node(child, depth + 1)
        if sign == "&&" and _bare(child).data == "or_":
            term = _grouped(term)
        if pieces:
            pieces[-1] += f" {sign}"
        pieces += term
    return pieces


def _negated(child: Tree[Token] | Token, depth: int) -> list[str]:
    """`!fact`, `!!fact`, and parentheses around everything else: `!a == 1` looks like a comparison of `!a`."""
    inner = _bare(child)
    pieces = _node(child, depth + 1)
    alone = inner.data == "comparison" and len(inner.children) == 1
    pieces = pieces if alone or inner.data == "negation" else _grouped(pieces)
    return [f"!{pieces[0]}", *pieces[1:]]


def _bare(node: Tree[Token] | Token) -> Tree[Token]:
    """What stands inside the parentheses."""
    while isinstance(node, Tree) and node.data == "group":
        node = node.children[0]
    assert isinstance(node, Tree)  # noqa: S101  as above
    return node


def _grouped(pieces: list[str]) -> list[str]:
    return [f"({pieces[0]}", *pieces[1:-1], f"{pieces[-1]})"] if len(pieces) > 1 else [f"({pieces[0]})"]


def _comparison(node: Tree[Token]) -> str:
    if len(node.children) == 1:
        return _operand(operand(node.children[0]))
    left, sign, right = node.children
    return f"{_operand(operand(left))} {sign} {_operand(operand(right))}"


def _operand(found: Operand) -> str:
    """A word or number as it is written best, or a list of them."""
    if found.items is not None:
        return f"[{', '.join(map(_operand, found.items))}]"
    if not found.quoted:
        return found.text
    plain = BARE_ATOM.match(found.text) and found.text not in KEYWORDS and not NUMBER.match(found.text)
    return found.text if plain else quoted(found.text)
