package evidence.policy.trust_test

import data.evidence.policy.trust
import rego.v1

fits := [
	["", ""],
	["abc", "abc"],
	["*", ""],
	["*", "anything/at all\nover lines"],
	["refs/tags/*", "refs/tags/v1"],
	["refs/tags/*", "refs/tags/"],
	["*/release.yml@*", "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"],
	["a*b*c", "a-b-b-c"],
	["a.c", "a.c"],
	["[a]", "[a]"],
	["a+(b)?|{2}^$", "a+(b)?|{2}^$"],
	["a\\d", "a\\d"],
	["**", "x"],
]

differs := [
	["", "a"],
	["abc", "abcd"],
	["abc", "ABC"],
	["refs/tags/*", "refs/heads/refs/tags/v1"],
	["*.yml", "a.yml\n"],
	["a.c", "abc"],
	["[a]", "a"],
	["a*b*c", "a-c-b"],
	["a*a", "a"],
	["a?", "ab"],
]

test_what_fits if {
	every pair in fits {
		trust.matches(pair[0], pair[1])
	}
}

test_what_differs if {
	every pair in differs {
		not trust.matches(pair[0], pair[1])
	}
}

test_only_text_matches if {
	not trust.matches("*", null)
	not trust.matches("*", 1)
}

rule := {"id": "r", "label": "r", "issuer": "i", "identity": "", "claims": {"repository_id": "1"}, "key_id": "", "allow": []}

party := {"type": "token", "issuer": "i", "identity": "w", "claims": {"repository_id": "1"}}

test_no_difference if trust.differences(rule, party) == set()

test_each_difference_says_expected_and_got if {
	trust.differences(rule, object.union(party, {"issuer": "j", "claims": {"repository_id": "2"}})) == {
		{"field": "issuer", "expected": "i", "got": "j"},
		{"field": "repository_id", "expected": "1", "got": "2"},
	}
}

test_a_party_without_claims if {
	trust.differences(rule, object.remove(party, ["claims"])) == {{"field": "repository_id", "expected": "1", "got": "none"}}
}

test_a_fork_is_special if {
	forked := object.union(party, {"claims": {"fork": "true"}})
	trust.differences(rule, forked) == {{"field": "fork", "expected": "no fork, or allow: [fork]", "got": "true"}}
	trust.differences(object.union(rule, {"allow": ["fork"]}), forked) == set()
}

test_the_nearest_has_the_fewest_differences if {
	near := trust.closest([
		{"label": "b", "differences": {{"field": "x"}}},
		{"label": "a", "differences": {{"field": "x"}, {"field": "y"}}},
		{"label": "c", "differences": {{"field": "x"}}},
	])
	near.label == "b"
}

test_the_one_about_the_party_is_nearest if {
	near := trust.closest([
		{"label": "a", "differences": {{"field": "repository_id"}}},
		{"label": "b", "differences": {{"field": "subject"}, {"field": "predicate_type"}}},
	])
	near.label == "b"
}
