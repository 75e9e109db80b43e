"""Catalog load, what may be written: every key of every document, with what it holds and what it means.

The readers (catalog_reading.py) take each key by its row here, and the JSON Schema that editors complete from
(catalog_schema.py) is made of the same rows: a key is in both or in neither.
"""

from collections.abc import Mapping

from evidence_api.domain.control import Combine, Per
from evidence_api.formats.catalog_keys import (
    Condition,
    Day,
    Duration,
    Either,
    Identifier,
    Integer,
    Key,
    KindName,
    ListOf,
    Nested,
    Shape,
    Text,
    Word,
    Words,
)
from evidence_api.formats.framework_names import LICENCES, OWN

SEVERITIES = ("low", "medium", "high", "critical")
FREQUENCIES = ("per_release", "continuous", "daily", "weekly", "monthly", "quarterly", "annual", "ad_hoc")
METHODS = ("inspection", "reperformance", "inquiry", "observation")
STATES = ("active", "draft", "deprecated", "retired")
CLOCKS = ("effective", "collected", "received")
# The relation words of NIST IR 8477 (set theory and supportive styles); without one it is "relates_to".
RELATIONS = (
    "relates_to",
    "equal",
    "subset_of",
    "superset_of",
    "intersects_with",
    "supports",
    "supported_by",
    "identical",
    "equivalent",
    "contrary",
)
RULE = r"data(\.[A-Za-z_][A-Za-z0-9_]*){2,10}"


EXPECT = Shape(
    "expect",
    "How many rows have to satisfy the query.",
    {"at_least": Key(Integer(1, 10_000), "So many rows; one if not said, and never none.", "2")},
)
FRESH = Shape(
    "fresh",
    "How old evidence may be.",
    {
        "max_age": Key(Duration(), "ISO 8601 duration: weeks, days, hours, minutes, seconds.", "P30D", required=True),
        "clock": Key(
            Word(CLOCKS, "effective"), "Which time counts: of the matter, of the signature, of arrival.", "effective"
        ),
    },
)
ON_EMPTY = Shape(
    "on_empty",
    "What no evidence of the kind means.",
    {
        "outcome": Key(Word(("missing", "not_applicable"), "missing"), "missing if not said.", "not_applicable"),
        "reason": Key(Text(), "Why it does not apply; needed with not_applicable.", "nothing is published"),
    },
)
SAMPLE = Shape(
    "sample",
    "A sample that anyone can draw again.",
    {
        "size": Key(Integer(1, 100_000), "How many rows are tested.", "25", required=True),
        "seed": Key(Text(), "Any words; release stands for the id of the release.", "release", required=True),
    },
)
POPULATION = Shape(
    "population",
    "Which rows of the kind the query is about, and how many of them are tested.",
    {
        "where": Key(Condition(), "The rows the query is about; all of the kind if not said.", "area==residency"),
        "sample": Key(Either(Word(("all",), "all"), SAMPLE), "All rows, or a seeded sample.", "all"),
    },
)
QUERY = Shape(
    "query",
    "A question to the evidence of one kind.",
    {
        "kind": Key(KindName(), "The kind of evidence whose rows are asked.", "opa", required=True),
        "where": Key(Condition(), "What has to be so of a row; true accepts every row.", "denies==0", required=True),
        "name": Key(Text(), "What the query is called in findings.", "no-denials"),
        "expect": Key(Nested(EXPECT), "How many rows have to satisfy it; one if not said.", "{at_least: 2}"),
        "per": Key(
            Word(tuple(Per), Per.RELEASE),
            "Counted over the release, for each artifact, or asked of every row.",
            "subject",
        ),
        "fresh": Key(Nested(FRESH), "Evidence older than that does not count.", "{max_age: P30D}"),
        "on_empty": Key(
            Either(Word(("missing",), "missing"), ON_EMPTY),
            "What no evidence means; missing if not said.",
            "{outcome: not_applicable, reason: …}",
        ),
        "population": Key(
            Nested(POPULATION),
            "Which rows it is about, and whether a sample is tested.",
            "{sample: {size: 25, seed: release}}",
        ),
    },
)
REVIEWED = Shape(
    "review",
    "Who looked at it last, and when.",
    {
        "by": Key(Text(), "Who.", "j.doe", required=True),
        "on": Key(Day(), "When.", "2026-09-01", required=True),
    },
)
CONTROL = Shape(
    "control",
    "What is asked of every release, and the evidence that shows it.",
    {
        "id": Key(Identifier(), "What the control is called everywhere.", "IG-SC-5", required=True),
        "query": Key(
            ListOf(Nested(QUERY)), "The queries that decide it.", "[{kind: opa, where: denies==0}]", required=True
        ),
        "policy": Key(
            Text(pattern=RULE), "Instead of query: a Rego rule of the operator's.", "data.own.rules.decision"
        ),
        "title": Key(Text(), "What is asked, in a line.", "No policy denies the release"),
        "statement": Key(Text(), "What is asked, in full.", "None of the recorded decisions is a denial."),
        "combine": Key(Word(tuple(Combine), Combine.ALL), "All queries must pass, or any one.", "any"),
        "tier": Key(Integer(1, 9), "1 is the first; tiers 1 and 2 should be mapped and fully worded.", "1"),
        "severity": Key(Word(SEVERITIES), "How bad it is when it is not met.", "high"),
        "owner": Key(Text(), "Who answers for it.", "platform-security"),
        "frequency": Key(Word(FREQUENCIES), "How often it is performed.", "per_release"),
        "method": Key(Words(METHODS), "How it is tested; inquiry alone proves nothing.", "[inspection, reperformance]"),
        "fix": Key(Text(), "The hint for whoever has to repair it.", "Read the reasons of the denial."),
        "passed_because": Key(
            Text(), "The sentence for a pass, with {placeholders}.", "'{n} of {population} decisions allowed it.'"
        ),
        "state": Key(Word(STATES, "active"), "Drafts and retired controls are not run.", "deprecated"),
        "replaced_by": Key(Text(), "The control that takes its place.", "IG-SC-6"),
        "reviewed": Key(Nested(REVIEWED), "Who looked at the control last, and when.", "{by: j.doe, on: 2026-09-01}"),
    },
)
CRITERION = Shape(
    "criterion",
    "One criterion of a framework.",
    {
        "ref": Key(Identifier(reference=True), "Its id within the framework.", "CC7.2", required=True),
        "title": Key(
            Text(), "Its title; our own words where the text is under copyright.", "Anomalies noticed", required=True
        ),
        "text": Key(Text(), "Its text, where the licence allows to show it.", "The organization …"),
    },
)
FRAMEWORK = Shape(
    "framework",
    "A framework, as auditors know it.",
    {
        "framework": Key(Identifier(), "Its id.", "aicpa-tsc", required=True),
        "title": Key(Text(), "How it is shown.", "AICPA TSC", required=True),
        "edition": Key(Text(), "Which edition.", "2017, points of focus revised 2022", required=True),
        "licence": Key(Word(LICENCES, OWN), "What may be shown of its text.", "public_domain"),
        "aliases": Key(Words(), "Prefixes of external ids that name it.", "[SOC2, TSC]"),
        "credit": Key(Text(), "Who is to be named with its text.", "National Institute of Standards and Technology"),
        "criteria": Key(ListOf(Nested(CRITERION)), "Its criteria.", "[{ref: CC7.2, title: …}]", required=True),
    },
)
MAPPED = Shape(
    "mapped control",
    "A control that bears on a criterion.",
    {
        "control": Key(Text(), "The id of the control.", "IG-SC-5", required=True),
        "coverage": Key(Word(("full", "partial"), "full"), "Whether it covers the criterion as a whole.", "partial"),
        "note": Key(Text(), "What it covers, or does not.", "components only"),
    },
)
CRITERION_OF = Shape(
    "framework of a mapping",
    "The criterion meant, where the external id does not tell.",
    {
        "id": Key(Identifier(), "The id of the framework.", "aicpa-tsc", required=True),
        "ref": Key(Identifier(reference=True), "The id of the criterion in it.", "CC7.2", required=True),
        "edition": Key(Text(), "The edition it was mapped against; another one does not load.", "Revision 5"),
    },
)
MAPPING = Shape(
    "mapping",
    "Which controls bear on a criterion, and why.",
    {
        "external": Key(
            Identifier(reference=True),
            "The criterion: an alias of a framework, and its id.",
            "SOC2-CC7.2",
            required=True,
        ),
        "maps_to": Key(
            ListOf(Either(Text(), MAPPED)), "The controls that bear on it.", "[IG-AUT-1, IG-SC-5]", required=True
        ),
        "narrative": Key(
            Text(), "Why these controls bear on it, in our own words.", "All merges pass policy.", required=True
        ),
        "relation": Key(
            Word(RELATIONS, "relates_to"), "A word of NIST IR 8477; relates_to if not said.", "intersects_with"
        ),
        "framework": Key(
            Nested(CRITERION_OF), "The criterion, where external does not tell.", "{id: aicpa-tsc, ref: CC7.2}"
        ),
        "text": Key(Word(LICENCES, OWN), "Whose words the narrative is.", "own"),
        "also_known_as": Key(Words(), "Other names of the criterion.", "[CC7.2-POF1]"),
        "reviewed": Key(Nested(REVIEWED), "Who looked at the mapping last, and when.", "{by: j.doe, on: 2026-09-01}"),
    },
)
SCOPE = Shape(
    "scope",
    "What a waiver is about.",
    {
        "release": Key(Text(), "A release: its name, or name@version.", "payments@2.4.0"),
        "subject": Key(Text(), "An artifact: its digest.", "sha256:…"),
    },
)
WAIVER = Shape(
    "waiver",
    "A control accepted as not met, for a while, by somebody named.",
    {
        "id": Key(Identifier(), "What the waiver is called.", "W-1", required=True),
        "control": Key(Text(), "The control that is not met.", "IG-VUL-2", required=True),
        "reason": Key(Text(), "Why that is accepted.", "The findings are in the test image.", required=True),
        "owner": Key(Text(), "Who answers for it.", "j.doe", required=True),
        "approver": Key(Text(), "Who accepted it; not the owner.", "a.smith", required=True),
        "from": Key(Day(), "The first day.", "2026-09-01", required=True),
        "until": Key(Day(), "The last day.", "2026-10-01", required=True),
        "scope": Key(Either(Text(), SCOPE), "Every release if not said.", "payments@2.4.0"),
    },
)
CATALOG = Shape(
    "catalog",
    "What the catalog as a whole is called.",
    {
        "id": Key(Identifier(), "Its name.", "ig", required=True),
        "version": Key(Text(), "Its version, for people; what counts is its digest.", "2026.09.1"),
    },
)
# Keys of a document that wraps others.
WRAPPED: Mapping[str, Shape] = {"controls": CONTROL, "mappings": MAPPING, "waivers": WAIVER}
