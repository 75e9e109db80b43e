package evidence.policy.write_paths_test

import data.evidence.policy.write_paths
import rego.v1

write(path) := {"action": "write", "path": path}

allowed(question) if {
	write_paths.decision == {"allow": true, "rules": [], "reasons": []} with input as question
}

denied_for(rule, question) if {
	answer := write_paths.decision with input as question
	answer.allow == false
	answer.rules == [rule]
	count(answer.reasons) == 1
}

test_inside_is_allowed if allowed(write("server/ci/scorer.ts"))

test_outside_needs_review if denied_for("write_paths.review_required", write("infra/main.tf"))

test_reason_names_the_path if {
	answer := write_paths.decision with input as write("infra/main.tf")
	answer.reasons == ["Writes to infra/main.tf require human review"]
}

test_a_name_that_only_begins_alike if denied_for("write_paths.review_required", write("server-keys/a"))

test_leaving_the_folder if denied_for("write_paths.review_required", write("server/../infra/main.tf"))

test_leaving_the_folder_the_other_way if denied_for("write_paths.review_required", write("server/..\\infra"))

test_doubled_separator if denied_for("write_paths.review_required", write("server//etc"))

test_absolute_path if denied_for("write_paths.review_required", write("/server/a"))

test_dots_in_names_are_no_way_out if allowed(write("server/a..b/.env"))

test_folders_are_a_setting if {
	answer := write_paths.decision with input as write("docs/a.md") with data.write_paths as {"allowed": ["docs/"]}
	answer.allow
}

test_no_folders_allow_nothing if {
	answer := write_paths.decision with input as write("server/a") with data.write_paths as {"allowed": []}
	answer.allow == false
}

test_missing_path_is_denied if denied_for("write_paths.incomplete", {"action": "write"})

test_path_must_be_text if denied_for("write_paths.incomplete", {"action": "write", "path": ["server/"]})

test_reading_is_not_its_concern if allowed({"action": "read", "path": "infra/main.tf"})

test_nothing_is_denied if denied_for("write_paths.incomplete", {})
