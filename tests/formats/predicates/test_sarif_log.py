from typing import Any

import pytest

from evidence_api.domain.errors import Malformed, TooLarge
from evidence_api.domain.evidence import Normalised
from evidence_api.formats import sarif
from evidence_api.formats.documents import document_type
from tests.support import documents
from tests.support.documents import COMMIT, document_bytes, sarif_result, sarif_run

LEVELS = ("errors", "warnings", "notes", "none")


def read(*runs: dict[str, Any]) -> Normalised:
    return document_type("sarif").read(document_bytes(documents.sarif(*runs))).normalised


def level(result: dict[str, Any], **members: Any) -> str:  # noqa: ANN401  any JSON
    facts = read(sarif_run(result, **members)).facts
    (found,) = [name for name in LEVELS if facts[name] == 1]
    return found


def test_a_log_is_read_whole() -> None:
    normalised = read()
    assert normalised.facts == {
        "tool": "scanner",
        "tools": ("scanner",),
        "successful": True,
        "rules": 3,
        "results": 5,
        "errors": 1,
        "warnings": 1,
        "notes": 1,
        "none": 1,
        "suppressed": 1,
        "new": 1,
        "violated": ("lax", "plain", "strict"),
    }
    assert normalised.series == "scanner:nightly"


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (sarif_result("strict"), "errors"),
        (sarif_result("strict/sub/sub"), "errors"),
        (sarif_result("strict", level="note"), "notes"),
        (sarif_result("lax"), "notes"),
        (sarif_result("plain"), "warnings"),
        (sarif_result("unknown"), "warnings"),
        (sarif_result(), "warnings"),
        (sarif_result(ruleIndex=0), "errors"),
        (sarif_result(ruleIndex=99), "warnings"),
        (sarif_result(rule={"index": 1}), "notes"),
        (sarif_result(rule={"id": "strict"}), "errors"),
        (sarif_result(rule={"guid": "11111111-1111-4111-8111-111111111111"}), "errors"),
        (sarif_result("strict", kind="pass"), "none"),
        (sarif_result("strict", kind="open"), "none"),
        (sarif_result("strict", kind="review", level="error"), "errors"),
    ],
)
def test_levels(result: dict[str, Any], found: str) -> None:
    assert level(result) == found


def test_a_rule_of_an_extension_and_an_override_of_an_invocation() -> None:
    run = sarif_run(
        sarif_result(rule={"id": "x", "toolComponent": {"index": 0}}),
        sarif_result(rule={"id": "x", "toolComponent": {"name": "pack"}}),
        sarif_result("lax", provenance={"invocationIndex": 0}),
        sarif_result("lax", provenance={"invocationIndex": 7}),
        invocations=[
            {
                "executionSuccessful": True,
                "ruleConfigurationOverrides": [{"descriptor": {"id": "lax"}, "configuration": {"level": "error"}}],
            }
        ],
    )
    extension = {"name": "pack", "rules": [{"id": "x", "defaultConfiguration": {"level": "none"}}]}
    run["tool"]["extensions"] = [extension]
    facts = read(run).facts
    assert {name: facts[name] for name in LEVELS} == {"errors": 1, "warnings": 0, "notes": 1, "none": 2}
    assert facts["rules"] == 4


@pytest.mark.parametrize(
    ("suppressions", "hidden"),
    [
        (None, 0),
        ([], 0),
        ([{"kind": "inSource"}], 1),
        ([{"kind": "external", "status": "accepted"}], 1),
        ([{"kind": "external", "status": "underReview"}], 0),
        ([{"kind": "inSource"}, {"kind": "external", "status": "rejected"}], 0),
    ],
)
def test_a_result_is_suppressed_unless_a_suppression_is_in_doubt(suppressions: object, hidden: int) -> None:
    facts = read(sarif_run(sarif_result("strict", suppressions=suppressions))).facts
    assert (facts["suppressed"], facts["errors"], facts["results"]) == (hidden, 1 - hidden, 1)


def test_results_that_are_gone_do_not_count_and_new_needs_a_comparison() -> None:
    gone = read(
        sarif_run(sarif_result("strict", baselineState="absent"), sarif_result("lax", baselineState="unchanged"))
    )
    assert (gone.facts["results"], gone.facts["errors"], gone.facts["new"]) == (1, 0, 0)
    assert "new" not in read(sarif_run(sarif_result("strict"))).facts


@pytest.mark.parametrize(
    "members",
    [{"results": None}, {"results": [], "externalPropertyFileReferences": {"results": [{"location": {"uri": "r"}}]}}],
)
def test_a_run_that_does_not_show_its_results_leaves_the_counts_unknown(members: dict[str, Any]) -> None:
    facts = read(sarif_run(sarif_result("strict")), sarif_run() | members).facts
    assert set(facts) == {"tool", "tools", "rules"}


def test_no_run_found_nothing_out() -> None:
    empty = document_type("sarif").read(document_bytes({"version": "2.1.0", "runs": []})).normalised
    assert empty.facts == {"tools": (), "rules": 0}


def test_an_unsuccessful_invocation_is_told_and_several_tools_are_not_one() -> None:
    failed = sarif_run(invocations=[{"executionSuccessful": True}, {"executionSuccessful": False}])
    facts = read(failed, sarif_run(tool="other")).facts
    assert facts["successful"] is False
    assert (facts.get("tool"), facts["tools"]) == (None, ("other", "scanner"))


def test_the_series_tells_tools_and_categories_apart() -> None:
    assert (
        read(sarif_run(automationDetails={"id": "a/1"})).series
        == read(sarif_run(automationDetails={"id": "a/2"})).series
    )
    assert read(sarif_run(automationDetails={"id": "b/1"})).series == "scanner:b"
    assert read(sarif_run(tool="z"), sarif_run()).series == "scanner z"


def test_only_whole_commits_are_subjects() -> None:
    run = sarif_run(versionControlProvenance=[{"revisionId": COMMIT.upper()}, {"revisionId": "1234"}, {}])
    (subject,) = document_type("sarif").read(document_bytes(documents.sarif(run))).subjects
    assert subject.digests == (f"sha1:{COMMIT}",)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"version": "2.0.0", "runs": []}, "version"),
        (documents.sarif(sarif_run(tool="")), "runs.0.tool.driver.name"),
        (documents.sarif(sarif_run({"ruleId": "a"})), "runs.0.results.0.message"),
        (documents.sarif(sarif_run(sarif_result(level="fatal"))), "runs.0.results.0.level"),
        (documents.sarif(sarif_run(sarif_result(suppressions=[{}]))), "runs.0.results.0.suppressions.0.kind"),
        (documents.sarif(sarif_run(invocations=[{}])), "runs.0.invocations.0.executionSuccessful"),
        (documents.sarif(sarif_run() | {"results": {}}), "runs.0.results"),
    ],
)
def test_refusals_say_where(document: dict[str, Any], path: str) -> None:
    with pytest.raises(Malformed) as caught:
        document_type("sarif").read(document_bytes(document))
    assert caught.value.fields["path"] == path


def test_results_and_rules_are_bounded_over_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_PARTS", 9)
    with pytest.raises(TooLarge) as caught:
        read(sarif_run(sarif_result(), sarif_result()), sarif_run(sarif_result(), sarif_result()))
    assert (caught.value.fields["limit"], caught.value.fields["value"]) == (9, 10)
