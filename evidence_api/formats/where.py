"""Catalog load, one `where`: its text to a typed syntax tree, with every fault where it stands in the file.

Grammar (DESIGN section 5); lark, LALR:

    or      := and ("||" and)*
    and     := not ("&&" not)*
    not     := "!" not | "(" or ")" | comparison
    comparison := operand ("==" "!=" "<" "<=" ">" ">=" "in") operand | operand
    operand := bare word | quoted word | number | duration | time | true | false | null | "[" operand, … "]"

A fact stands on the left (`criticals == 0`); the one exception is `word in list_fact`. A fact that is true
or false may stand alone. Which of the readings of a bare word holds is decided by the fact's type.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn, TypeAlias, cast

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from evidence_api.domain.errors import InvalidSource, SourceFault
from evidence_api.domain.kinds import KINDS, FactType, Kind
from evidence_api.domain.where import And, Compare, Constant, Expression, Not, Or
from evidence_api.formats.where_types import Operand, WhereFault, fact_type, nearest, typed

MAX_LENGTH = 4_096  # characters of one where
MAX_DEPTH = 32  # parentheses and ! inside each other

Place: TypeAlias = tuple[int, int]  # line and column of the file, from 1
Locate: TypeAlias = Callable[[int], Place]  # offset in the where text -> place

_ATOM = r"-?[A-Za-z0-9_][A-Za-z0-9_.\/:@+-]*"
BARE_ATOM = re.compile(_ATOM + r"\Z")  # what the grammar reads as one bare word or number
_GRAMMAR = (
    r"""
?start: or_
?or_: and_ ("||" and_)*
?and_: not_ ("&&" not_)*
?not_: "!" not_ -> negation
     | "(" or_ ")" -> group
     | comparison
comparison: operand [(OPERATOR | IN) operand]
?operand: ATOM | QUOTED | list
list: "[" [scalar ("," scalar)*] "]"
?scalar: ATOM | QUOTED

OPERATOR.3: /==|!=|<=|>=|<|>/
IN.2: /in(?![A-Za-z0-9_.\/:@+-])/
QUOTED: /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/
ATOM: /"""
    + _ATOM
    + r"""/
%ignore /[ \t\r\n]+/
"""
)
_PARSER = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)
_ESCAPE = re.compile(r"\\(?:u(?P<unit>[0-9a-fA-F]{4})|(?P<code>.))")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_HINTS = {
    "and": "write &&",
    "or": "write ||",
    "not": "write !",
    "=": "write ==",
    "&": "write &&",
    "|": "write ||",
    "AND": "write &&",
    "OR": "write ||",
    "~": "there is no pattern matching",
    "*": "there is no arithmetic",
}


def parse_where(  # noqa: PLR0913  where the text stands is four figures
    text: str, kind: str, *, file: str, line: int, column: int, kinds: Mapping[str, Kind] = KINDS
) -> Expression:
    """Parse text whose first character stands at `line`, `column` of `file`. Raises InvalidSource with all faults."""

    def locate(at: int) -> Place:
        before = text[:at]
        newline = before.rfind("\n")
        return (line, column + at) if newline < 0 else (line + before.count("\n"), at - newline)

    return parse_where_at(text, kind, file=file, locate=locate, kinds=kinds)


def parse_where_at(text: str, kind: str, *, file: str, locate: Locate, kinds: Mapping[str, Kind] = KINDS) -> Expression:
    """The same for text whose characters stand where `locate` says (a quoted or folded YAML scalar)."""
    faults: list[WhereFault] = []
    expression: Expression = Constant(value=False)
    try:
        expression = _Reading(_known(kind, kinds), text, locate, faults).expression(syntax_tree(text), 0)
    except WhereFault as fault:
        faults.append(fault)
    if faults:
        raise InvalidSource(
            SourceFault(file, *locate(fault.at), fault.code, fault.message, fault.hint)
            for fault in sorted(faults, key=lambda fault: fault.at)
        )
    return expression


def _known(kind: str, kinds: Mapping[str, Kind]) -> Kind:
    if kind not in kinds:
        hint = nearest(kind, sorted(kinds)) or f"kinds: {', '.join(sorted(kinds))}"
        raise WhereFault(0, "unknown_kind", f"there is no kind '{kind[:60]}'", hint)
    return kinds[kind]


def syntax_tree(text: str) -> Tree[Token] | Token:
    """Text to lark's tree, untyped, within the bounds of length. Raises WhereFault."""
    if len(text) > MAX_LENGTH:
        message = f"{len(text)} characters; the limit is {MAX_LENGTH}"
        raise WhereFault(MAX_LENGTH, "too_large", message, "split it in two queries, which both must pass")
    try:
        return _PARSER.parse(text)
    except UnexpectedInput as fault:
        _syntax(text, fault)


def _syntax(text: str, fault: UnexpectedInput) -> NoReturn:
    """The fault of lark in the words of the language."""
    if isinstance(fault, UnexpectedCharacters):
        at = cast("int", fault.pos_in_stream)
        found = text[at]
        message = "a quote that is never closed" if found in "\"'" else f"'{found}' has no meaning here"
        close = "close the quote" if found in "\"'" else "put a word that holds it in quotes"
        raise WhereFault(at, "where_syntax", message, _HINTS.get(found, close)) from fault
    if isinstance(fault, UnexpectedToken) and fault.token.type != "$END":
        at, found = fault.token.start_pos or 0, str(fault.token)
        raise WhereFault(
            at,
            "where_syntax",
            f"'{found[:60]}' is not expected here",
            _HINTS.get(found) or _instead(fault.expected),
        ) from fault
    at = max(len(text.rstrip()) - 1, 0)
    message = "the condition ends too early" if text.strip() else "the condition is empty"
    assert isinstance(fault, UnexpectedToken | UnexpectedEOF)  # noqa: S101  narrows a closed set of three
    expected = fault.expected if isinstance(fault, UnexpectedToken) else ()
    hint = _instead(expected) if text.strip() else "write true to accept every row"
    raise WhereFault(at, "where_syntax", message, hint) from fault


def _instead(expected: Iterable[str]) -> str:
    """What the parser would have taken, as advice."""
    names = set(expected)
    if "RPAR" in names and "ATOM" not in names:
        return "close the parenthesis, or write && or ||"
    if "RSQB" in names and "ATOM" not in names:
        return "close the list with ]"
    if "OPERATOR" in names:
        return "write what the fact is compared with, or && or ||"
    return "write a word, a number or a fact here" if "ATOM" in names else "write && or || here, or nothing"


class _Reading:
    """One pass over the tree; faults of type are collected, so that all are shown at once."""

    def __init__(self, kind: Kind, text: str, locate: Locate, faults: list[WhereFault]) -> None:
        self.kind, self.text, self.locate, self.faults = kind, text, locate, faults

    def expression(self, tree: Tree[Token] | Token, depth: int) -> Expression:
        """The typed expression of a node at `depth` parentheses and negations."""
        assert isinstance(tree, Tree)  # noqa: S101  only operands are tokens, and comparison() takes those
        if depth > MAX_DEPTH:
            at = tree.meta.start_pos if not tree.meta.empty else 0
            raise WhereFault(at, "too_deep", f"nested over {MAX_DEPTH} levels", "take parentheses and ! away")
        match tree.data:
            case "or_":
                return Or(tuple(self.expression(child, depth + 1) for child in tree.children))
            case "and_":
                return And(tuple(self.expression(child, depth + 1) for child in tree.children))
            case "negation":
                return Not(self.expression(tree.children[0], depth + 1))
            case "group":
                return self.expression(tree.children[0], depth + 1)
            case _:
                return self.comparison(tree)

    def comparison(self, tree: Tree[Token]) -> Expression:
        """`fact operator literal`, `literal in fact`, a fact alone, or a constant alone."""
        try:
            if len(tree.children) == 1:
                return self.alone(operand(tree.children[0]))
            left, token, right = operand(tree.children[0]), str(tree.children[1]), operand(tree.children[2])
            if token == "in" and right.items is None and not right.quoted:  # noqa: S105  an operator, not a password
                return self.compare(right, "contains", left)
            return self.compare(left, token, right)
        except WhereFault as fault:
            self.faults.append(fault)
            return Constant(value=False)

    def compare(self, path: Operand, operator: str, value: Operand) -> Compare:
        """A typed comparison with the place of its fact."""
        line, column = self.locate(path.at)
        return Compare(path.text, operator, typed(path, operator, value, self.kind), line, column)

    def alone(self, only: Operand) -> Expression:
        """`true`, `false`, or a fact that is itself true or false."""
        if not only.quoted and only.text in {"true", "false"}:
            return Constant(value=only.text == "true")
        fact = fact_type(only, self.kind)
        if fact is not FactType.BOOLEAN:
            message = f"{only.shown()} is a {fact}: compare it with something"
            raise WhereFault(only.at, "type_mismatch", message, f"write {only.text} != null, or compare it by ==")
        line, column = self.locate(only.at)
        return Compare(only.text, "==", value=True, line=line, column=column)


def operand(node: Tree[Token] | Token) -> Operand:
    """A token, or a list of them, with quotes and escapes taken away."""
    if isinstance(node, Tree):
        items = tuple(operand(child) for child in node.children)
        return Operand("a list", quoted=False, at=node.meta.start_pos, items=items)
    at = node.start_pos or 0
    if node.type != "QUOTED":
        return Operand(str(node), quoted=False, at=at)
    return Operand(_unescape(str(node)[1:-1], at + 1), quoted=True, at=at)


def _unescape(body: str, start: int) -> str:
    """A quoted word without its escapes; they are those of JSON, and the single quote."""

    def plain(found: re.Match[str]) -> str:
        if found["unit"]:
            return chr(int(found["unit"], 16))
        if found["code"] not in _ESCAPES:
            at = start + found.start()
            raise WhereFault(at, "bad_literal", f"\\{found['code']} is no escape", 'use \\" \\\\ \\n \\t or \\uXXXX')
        return _ESCAPES[found["code"]]

    # Two halves of a character beyond the basic plane are joined; a half alone is no character.
    return _ESCAPE.sub(plain, body).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
