"""Catalog to Rego: one readable package, `evidence.catalog`, from which any Rego engine gives the raw outcomes.

The module has three parts: the rules of counting, the same for every catalog; the comparisons the
catalog makes, each written once; and a section per control. Three truth values are two sets of row
numbers: the rows for which a condition is true, and those for which it is false. A row that does not say
the fact is in neither. So `&&` is the intersection of the true sets and the union of the false ones, `||`
the other way round, and `!` swaps the two.

    opa eval -d catalog.rego -i input.json data.evidence.catalog.verdicts
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from evidence_api.domain.control import Catalog, Combine, Control, Per, Query
from evidence_api.domain.kinds import COMMON, KINDS, FactType
from evidence_api.domain.verdict import DERIVATION
from evidence_api.domain.where import And, Compare, Constant, Expression, Not, Or, write
from evidence_api.formats.rego_counting import COUNTING, COUNTING_NAMES, counting
from evidence_api.formats.rego_text import Names, call, comment, literal, text

PACKAGE = "evidence.catalog"
_GUARD: Mapping[FactType, str] = {
    FactType.BOOLEAN: "is_boolean",
    FactType.NUMBER: "is_number",
    FactType.DURATION: "is_number",
    FactType.WORD: "is_string",
    FactType.TIME: "is_string",
    FactType.WORDS: "is_array",
}
_WORDS_OF = {"==": "is", "!=": "is_not", "<": "below", "<=": "at_most", ">": "above", ">=": "at_least"}
_NEVER = "set()"
_ON_CONTROLS = (
    "A condition is two sets of row numbers: `…_true` are the rows for which it is so, `…_false` those for which it is "
    "not. A row in neither does not say what is asked. && is the rows common to the true sets (&) and all of the false "
    "ones (|), || the other way round, and ! swaps the two. The sets are counted by the rules at the end."
)
_ON_COMPARISONS = (
    "Each is the set of rows for which it is so; it is not so for the rows that state the fact (`…_said`) otherwise."
)
_ON_FACTS = (
    "From row number to value, where the value is of the fact's type. `…_said` are the rows that state it, `…_rows` "
    "all rows of the kind, `…_withheld` those whose body was erased, `…_older_than_…` those too old to count, "
    "`…_without_time_…` those whose age is not known."
)


@lru_cache(maxsize=16)
def compile_catalog(catalog: Catalog, derivation: int = DERIVATION) -> str:
    """The Rego module of a catalog (Rego v1, no imports). `rules_of` names a control's own rule.

    An earlier `derivation` gives the text that packs of then hold, and decides as it was decided then.
    """
    compiler = _Compiler(catalog, derivation)
    sections = [line for control in catalog.controls for line in compiler.control(control)]
    digest = f"Compiled from the catalog {catalog.digest}; {len(catalog.controls)} controls."
    head = [f"package {PACKAGE}", "", *comment(digest), "", *counting(derivation).strip("\n").split("\n")]
    return "\n".join([*head, "", *compiler.facts, *compiler.atoms, *sections]).rstrip("\n") + "\n"


def explain_catalog(catalog: Catalog) -> str:
    """The rules of compile_catalog, to a letter, in the order people read them, with words between the parts.

    For readers alone: what is evaluated, and what packs hold, is the text of compile_catalog.
    """
    compiler = _Compiler(catalog)
    controls = [line for control in catalog.controls for line in compiler.control(control)]
    parts: tuple[tuple[str, str, list[str]], ...] = (
        ("The controls", _ON_CONTROLS, controls),
        ("The comparisons they make", _ON_COMPARISONS, compiler.atoms),
        ("The facts these read", _ON_FACTS, compiler.facts),
        ("", "", COUNTING[: COUNTING.rindex("#")].strip("\n").split("\n")),  # brings a heading of its own
    )
    lines = [f"package {PACKAGE}", "", *comment(f"From the catalog {catalog.digest}.")]
    for title, words, rules in parts:
        lines += ["", *([f"# ===== {title} ====="] if title else []), *comment(words), "", *_trimmed(rules)]
    return "\n".join(lines) + "\n"


def _trimmed(lines: list[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n")


@lru_cache(maxsize=16)
def rules_of(catalog: Catalog) -> Mapping[str, str]:
    """Control id to the name of its rule in the package, for evaluating some controls alone."""
    names = Names(COUNTING_NAMES)  # with a prefix, no control is named like a builtin or a variable
    return {control.id: names.name("control", control.id) for control in catalog.controls}


class _Compiler:
    """Collects the facts read and the comparisons made while the controls are written."""

    def __init__(self, catalog: Catalog, derivation: int = DERIVATION) -> None:
        self.derivation = derivation
        self.rules = rules_of(catalog)
        self.names = Names([*COUNTING_NAMES, *self.rules.values()])
        self.facts: list[str] = []
        self.atoms: list[str] = []
        self.columns: dict[tuple[str, str], tuple[str, str]] = {}
        self.kinds: dict[str, tuple[str, str]] = {}
        self.kept: dict[tuple[str, str], tuple[str, str]] = {}
        self.old: dict[tuple[str, str, int], str] = {}
        self.ageless: dict[tuple[str, str], str] = {}

    def control(self, control: Control) -> list[str]:
        """The section of one control: its words as comments, its queries, its rule."""
        rule = self.rules[control.id]
        title = f"{control.id} {control.title}".strip()
        lines = ["", *comment(f"----- {title} -----"), *comment(control.statement)]
        if control.state in {"draft", "retired"}:
            lines += [f"# {control.state}: not run", f'{rule} := {{"outcome": "not_run", "queries": []}}']
        elif control.policy:
            lines += [f"{rule} := believed({control.policy})"]
        else:
            calls: list[str] = []
            for number, query in enumerate(control.queries, 1):
                label = f"query {number}{f' ({query.name})' if query.name else ''}: {query.kind} where {query.source}"
                lines += comment(label, "  ")
                true, false = self.pair(f"{rule}_{number}", *self.sets(query.where, query.kind, rule, lines), lines)
                calls += self.counts(control, number, query, (true, false), self.population(query, rule, lines))
            joined = "combine_all" if control.combine is Combine.ALL else "combine_any"
            lines += [f"{rule} := {joined}([", *calls, "])"]
        return [*lines, "", f"verdicts[{text(control.id)}] := {rule} if wanted({text(control.id)})"]

    def pair(self, prefix: str, true: str, false: str, lines: list[str]) -> tuple[str, str]:
        """Two rules: the rows for which a condition is true, and those for which it is false."""
        names = self.names.name(prefix, "true"), self.names.name(prefix, "false")
        lines += [f"{names[0]} := {true}", "", f"{names[1]} := {false}", ""]
        return names

    def sets(self, node: Expression, kind: str, prefix: str, lines: list[str]) -> tuple[str, str]:
        """A condition as two set expressions (true, false); what is nested becomes rules of its own."""
        match node:
            case Compare():
                return self.atom(node, kind)
            case Not(term=term):
                true, false = self.sets(term, kind, prefix, lines)
                return false, true
            case Constant(value=value):
                rows = self.rows(kind)[0]
                return (rows, _NEVER) if value else (_NEVER, rows)
            case And(terms=terms):
                return self.joined(terms, kind, prefix, lines, swap=False)
            case Or(terms=terms):
                return self.joined(terms, kind, prefix, lines, swap=True)

    def joined(
        self, terms: tuple[Expression, ...], kind: str, prefix: str, lines: list[str], *, swap: bool
    ) -> tuple[str, str]:
        """Terms joined by && (or by ||, `swap`): one side is an intersection, the other a union."""
        sides = [self.simple(term, kind, prefix, lines) for term in terms]
        both, either = (1, 0) if swap else (0, 1)
        meet = " &\n\t".join(side[both] for side in sides)
        union = " |\n\t".join(side[either] for side in sides)
        return (union, meet) if swap else (meet, union)

    def simple(self, term: Expression, kind: str, prefix: str, lines: list[str]) -> tuple[str, str]:
        """A term as two operands: a nested && or || gets two rules of its own."""
        true, false = self.sets(term, kind, prefix, lines)
        inner = term
        while isinstance(inner, Not):
            inner = inner.term
        if not isinstance(inner, And | Or):
            return true, false
        return self.pair(f"{prefix}_part", true, false, lines)

    def rows(self, kind: str) -> tuple[str, str]:
        """Two rules: the numbers of a kind's rows, and of those withheld."""
        if kind not in self.kinds:
            names = self.names.name(kind, "rows"), self.names.name(kind, "withheld")
            self.kinds[kind] = names
            self.facts += [
                *comment(KINDS[kind].title),
                f"{names[0]} := {{n | some n, _ in input.rows.{kind}}}",
                "",
                f"{names[1]} := {{n | some n, row in input.rows.{kind}; row.withheld}}",
                "",
            ]
        return self.kinds[kind]

    def column(self, kind: str, path: str) -> tuple[str, str]:
        """Two rules of one fact of a kind: row number to value, and the rows that say it at all."""
        if (kind, path) not in self.columns:
            fact = KINDS[kind].facts.get(path) or COMMON[path]
            source = f"row.facts[{text(path)}]" if path in KINDS[kind].facts else f"row.{path}"
            self.rows(kind)
            name, said = self.names.name(kind, path), self.names.name(kind, path, "said")
            self.columns[kind, path] = name, said
            self.facts += [
                f"# {kind}: {path}, a {fact}",
                f"{name}[n] := value if {{",
                f"\tsome n, row in input.rows.{kind}",
                f"\tvalue := {source}",
                f"\t{_GUARD[fact]}(value)",
                "}",
                "",
                f"{said} := object.keys({name})",
                "",
            ]
        return self.columns[kind, path]

    def atom(self, compare: Compare, kind: str) -> tuple[str, str]:
        """One comparison as two operands; written once however often the catalog makes it."""
        if compare.value is None:
            said = self.column(kind, compare.path)[1]
            return (_NEVER, said) if compare.operator == "==" else (said, _NEVER)
        key = (kind, write(compare))
        if key not in self.kept:
            self.kept[key] = self.comparison(compare, kind)
        return self.kept[key]

    def comparison(self, compare: Compare, kind: str) -> tuple[str, str]:
        """The rule of one comparison, and the operand for the rows that say otherwise."""
        word = _WORDS_OF.get(compare.operator, compare.operator)
        name = self.names.name(kind, compare.path, word, str(literal(compare.value)))
        fact = KINDS[kind].facts.get(compare.path) or COMMON[compare.path]
        column, said = self.column(kind, compare.path)
        if fact is FactType.WORDS and compare.operator == "in":
            said = self.names.name(name, "said")  # of an empty list nothing can be said
            self.atoms += [f"{said} := {{n | some n, value in {column}; count(value) > 0}}", ""]
        self.atoms += [f"{name} contains n if {{", f"\tsome n, value in {column}"]
        self.atoms += [f"\t{line}" for line in _condition(compare, fact)]
        self.atoms += ["}", ""]
        return name, f"({said} - {name})"

    def population(self, query: Query, rule: str, lines: list[str]) -> tuple[str, str] | None:
        """The rows a query is about, and those of which it is known; None: all rows of its kind.

        Asked of every row, it is about those too that do not say whether they belong, and they are unknown. Asked
        of some, it is not about them.
        """
        if query.population is None:
            return None
        lines += comment(f"about {query.kind} where {query.population_source}", "  ")
        about, others = self.pair(f"{rule}_about", *self.sets(query.population, query.kind, rule, lines), lines)
        return (f"{self.rows(query.kind)[0]} - {others}" if query.per is Per.OCCURRENCE else about), about

    def counts(
        self,
        control: Control,
        number: int,
        query: Query,
        sets: tuple[str, str],
        population: tuple[str, str] | None,
    ) -> Iterable[str]:
        """The call that counts one query's rows."""
        rows, withheld = self.rows(query.kind)
        true, false = sets
        if population is not None:
            rows, about = population
            true, false = f"{true} & {about}", f"{false} & {about}"
        if query.sample.size is not None:
            rows = f"sampled({text(control.id)}, {text(str(number))})"
            true, false = f"{true} & {rows}", f"{false} & {rows}"
        function = {Per.RELEASE: "per_release", Per.SUBJECT: "per_subject", Per.OCCURRENCE: "per_occurrence"}[query.per]
        more = f", input.rows.{query.kind}" if query.per is Per.SUBJECT else ""
        return call(
            function,
            (
                ("tested", rows),
                ("true", true),
                ("false", false),
                ("old", self.age(query)),
                *([("ageless", self.timeless(query))] if self.derivation > 1 else []),
                ("withheld", withheld),
                ("at_least", str(query.at_least)),
                ("on_empty", text(query.on_empty)),
            ),
            more,
        )

    def age(self, query: Query) -> str:
        """The rule with the rows too old for a query, or the empty set where age does not matter."""
        if query.fresh is None:
            return _NEVER
        seconds = int(query.fresh.max_age.total_seconds())
        key = (query.kind, query.fresh.clock, seconds)
        if key not in self.old:
            self.old[key] = name = self.names.name(query.kind, "older_than", str(seconds), "by", query.fresh.clock)
            self.facts += [
                f"# {query.kind}: over {seconds} seconds old by the {query.fresh.clock} clock, or without that time",
                *self.aged(name, query.kind, query.fresh.clock, seconds),
                "",
            ]
        return self.old[key]

    def timeless(self, query: Query) -> str:
        """The rule with the rows that have no time by a query's clock, or the empty set where age does not matter."""
        if query.fresh is None:
            return _NEVER
        kind, clock = key = (query.kind, query.fresh.clock)
        if key not in self.ageless:
            self.ageless[key] = name = self.names.name(kind, "without_time", "by", clock)
            known = f"{{n | some n, row in input.rows.{kind}; row.age.{clock} >= 0}}"
            self.facts += [
                f"# {kind}: without a time by the {clock} clock",
                f"{name} := {self.rows(kind)[0]} - {known}",
                "",
            ]
        return self.ageless[key]

    def aged(self, name: str, kind: str, clock: str, seconds: int) -> list[str]:
        """The rows that are not known to be young enough, one without a time among them.

        `not row.age.clock <= seconds`, which derivation 1 has, is undefined in OPA where the age is.
        """
        some = f"\tsome n, row in input.rows.{kind}"
        if self.derivation == 1:
            return [f"{name} contains n if {{", some, f"\tnot row.age.{clock} <= {seconds}", "}"]
        return [f"{name} := {self.rows(kind)[0]} - {{n |", some, f"\trow.age.{clock} <= {seconds}", "}"]


def _condition(compare: Compare, fact: FactType) -> list[str]:
    """The body lines that hold for `value`."""
    value = literal(compare.value)
    match compare.operator:
        case "contains":
            return [f"{value} in value"]
        case "in" if fact is FactType.WORDS:
            return ["count(value) > 0", f"count({{word | some word in value}} - {value}) == 0"]
        case "in":
            return [f"value in {value}"]
        case "==" | "!=" if fact is FactType.WORDS:
            return [f"{{word | some word in value}} {compare.operator} {value}"]
        case _:
            return [f"value {compare.operator} {value}"]
