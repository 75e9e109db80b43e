package evidence.policy.export_test

import data.evidence.policy.export
import rego.v1

settings := {"purposes": ["pack", "statement"], "may_leave": ["email", "phone"]}

asked(findings) := {"purpose": "pack", "redacted": false, "findings": findings}

decided(question) := answer if {
	answer := export.decision with input as question with data.export as settings
}

test_nothing_found_may_leave if decided(asked([])) == {"allow": true, "rules": [], "reasons": []}

test_what_may_leave_leaves if decided(asked([{"detector": "email", "count": 3}, {"detector": "phone", "count": 1}])).allow

test_a_secret_may_not_leave if {
	decided(asked([{"detector": "secret", "count": 2}])) == {
		"allow": false,
		"rules": ["export.secret"],
		"reasons": ["secrets found (2); they may not leave"],
	}
}

test_each_kind_has_its_rule if {
	found := [{"detector": name, "count": 1} | some name in export.detectors]
	strict := {"purposes": ["pack"], "may_leave": []}
	denied := export.decision with input as asked(found) with data.export as strict
	denied.rules == ["export.email", "export.national_id", "export.payment_card", "export.phone", "export.secret"]
}

test_none_of_a_kind_is_not_found if decided(asked([{"detector": "secret", "count": 0}])).allow

test_without_settings_nothing_leaves if {
	denied := export.decision with input as asked([]) with data.export as {}
	denied.rules == ["export.purpose"]
}

test_an_unknown_purpose if decided({"purpose": "sale", "redacted": false, "findings": []}).rules == ["export.purpose"]

test_a_purpose_must_be_said if decided({"redacted": false, "findings": []}).rules == ["export.incomplete"]

test_what_was_found_must_be_said if decided({"purpose": "pack", "redacted": true}).rules == ["export.incomplete"]

test_whether_it_is_redacted_must_be_said if {
	decided({"purpose": "pack", "findings": []}).rules == ["export.incomplete"]
}

test_an_unknown_detector if decided(asked([{"detector": "iris", "count": 1}])).rules == ["export.incomplete"]

test_an_odd_count if {
	every odd in [-1, 0.5, "1", null] {
		decided(asked([{"detector": "email", "count": odd}])).rules == ["export.incomplete"]
	}
}
