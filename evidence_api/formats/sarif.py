"""Reading static analysis, the model: the parts of a SARIF 2.1.0 log that decide what was found.

Source: OASIS SARIF 2.1.0 (with errata 01); section numbers stand at the members. Members we do not read are tolerated.
Results are read one at a time, as a log may hold very many of them.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from evidence_api.domain.errors import TooLarge
from evidence_api.domain.typed_json import Moment, Several, ThirdParty, read_typed

VERSION = "2.1.0"
MAX_RUNS = 1_000
MAX_PARTS = 200_000  # results and rules of all runs together; code hosts take 25,000 each

Level = Literal["none", "note", "warning", "error"]
Index = Annotated[int, Field(ge=-1)]  # -1 is the same as absent (3.7.4)


class Configuration(ThirdParty):
    """How a rule is set (3.50)."""

    enabled: bool = True
    level: Level = "warning"


class Rule(ThirdParty):
    """A reporting descriptor (3.49)."""

    id: str
    guid: str | None = None
    default: Configuration | None = Field(default=None, alias="defaultConfiguration")


class Component(ThirdParty):
    """A tool or a part of one (3.19)."""

    name: str = Field(min_length=1)
    guid: str | None = None
    rules: Several[Rule] = ()


class Tool(ThirdParty):
    """The tool with its extensions (3.18)."""

    driver: Component
    extensions: Several[Component] = ()


class ComponentReference(ThirdParty):
    """Which component, by place among the extensions, by guid or by name (3.54)."""

    index: Index = -1
    guid: str | None = None
    name: str | None = None


class RuleReference(ThirdParty):
    """Which rule (3.52)."""

    id: str | None = None
    index: Index = -1
    guid: str | None = None
    component: ComponentReference | None = Field(default=None, alias="toolComponent")


class Override(ThirdParty):
    """A rule set differently for one invocation (3.51)."""

    configuration: Configuration
    descriptor: RuleReference


class Invocation(ThirdParty):
    """One run of the tool's program (3.20)."""

    successful: bool = Field(alias="executionSuccessful")
    started: Moment | None = Field(default=None, alias="startTimeUtc")
    ended: Moment | None = Field(default=None, alias="endTimeUtc")
    overrides: Several[Override] = Field(default=(), alias="ruleConfigurationOverrides")


class Suppression(ThirdParty):
    """Why a result is not to be shown (3.35)."""

    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"] = "accepted"


class Provenance(ThirdParty):
    """Which invocation found a result (3.48)."""

    invocation: Index = Field(default=-1, alias="invocationIndex")


class Message(ThirdParty):
    """A message has a text or names one (3.11)."""

    text: str | None = None
    id: str | None = None
    markdown: str | None = None


class Result(ThirdParty):
    """One result (3.27)."""

    message: Message
    rule_id: str | None = Field(default=None, alias="ruleId")
    rule_index: Index = Field(default=-1, alias="ruleIndex")
    rule: RuleReference | None = None
    kind: Literal["notApplicable", "pass", "fail", "review", "open", "informational"] = "fail"
    level: Level | None = None
    suppressions: Several[Suppression] | None = None
    baseline: Literal["new", "unchanged", "updated", "absent"] | None = Field(default=None, alias="baselineState")
    provenance: Provenance | None = None


class Automation(ThirdParty):
    """Which of a tool's runs this is: `category/run` (3.17)."""

    id: str = ""


class Checkout(ThirdParty):
    """The version-controlled files that were scanned (3.23)."""

    revision: str | None = Field(default=None, alias="revisionId")


class ExternalFiles(ThirdParty):
    """Parts of a run kept in other files (3.15.3), which nobody signed here."""

    results: Several[dict[str, object]] = ()


class Run(ThirdParty):
    """One run (3.14). `results`, still unread, are absent or null if the tool did not look (3.14.23)."""

    tool: Tool
    results: list[dict[str, Any]] | None = None
    invocations: Several[Invocation] = ()
    automation: Automation | None = Field(default=None, alias="automationDetails")
    checkouts: Several[Checkout] = Field(default=(), alias="versionControlProvenance")
    elsewhere: ExternalFiles | None = Field(default=None, alias="externalPropertyFileReferences")


class Log(ThirdParty):
    """The log file (3.13)."""

    version: Literal["2.1.0"]
    runs: Annotated[Several[Run], Field(max_length=MAX_RUNS)]


def read_log(document: Mapping[str, Any], *, at: str) -> Log:
    """Read all but the results. Raises Malformed with the dotted path, which begins with `at`, and TooLarge."""
    log = read_typed(Log, document, at=at)
    parts = sum(
        len(run.results or ()) + sum(len(one.rules) for one in (run.tool.driver, *run.tool.extensions))
        for run in log.runs
    )
    if parts > MAX_PARTS:
        path = f"{at}.runs"
        raise TooLarge(f"{path}: too many results and rules", path=path, limit=MAX_PARTS, value=parts)
    return log


def results_of(run: Run, *, at: str) -> Iterator[Result]:
    """The results of a run, each read when it is its turn. Raises Malformed; `at` is the path of the run."""
    for place, result in enumerate(run.results or ()):
        yield read_typed(Result, result, at=f"{at}.results.{place}")
