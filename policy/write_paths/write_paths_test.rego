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

test_braces_that_stand_for_several_paths if {
	every path in ["server/{a,..}/b", "server/..{a,}/b", "server/{a/b,../c}", "server/{a..z}"] {
		denied_for("write_paths.review_required", write(path))
	}
	allowed(write("server/{{ name }}/a, b.md"))
}

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

test_every_action_that_may_change_something_is_writing if {
	every action in ["Write", "WRITE", "write ", "append", "delete", "rename", "Read", "chmod"] {
		denied_for("write_paths.review_required", {"action": action, "path": "infra/main.tf"})
		allowed({"action": action, "path": "server/a"})
	}
}

test_other_spellings_of_a_way_out if {
	every path in [
		"server/", "server", "", "~/server/a", "server/./a", "server/a/..", "server/%2e%2e/infra", "server/a\u0000", "server/a\n",
		"server/a\u2044b", "server/\uff0e\uff0e/a", "server/\u2025/a", "server/a\u202eb", "server/a.", "server/a ", "server/ a",
		"server/a*", "server/a?b", "server/a|b", " server/a", "Server/a", "ser\u0475er/a",
	] {
		denied_for("write_paths.review_required", write(path))
	}
}

test_names_that_files_have if {
	every path in ["server/a", "server/[id]/page (1).tsx", "server/größe/数.md", "server/a=b,c;d!e'f&g#h@i+j~k{l}$m"] {
		allowed(write(path))
	}
}

test_a_folder_without_its_end if {
	answer := write_paths.decision with input as write("server-keys/a") with data.write_paths as {"allowed": ["server"]}
	answer.allow == false
	inside := write_paths.decision with input as write("server/a") with data.write_paths as {"allowed": ["server"]}
	inside.allow
}

test_what_is_harmless_is_a_setting if {
	listing := write_paths.decision with input as {"action": "list"} with data.write_paths as {"harmless": ["list"]}
	listing.allow
	reading := write_paths.decision with input as {"action": "read", "path": "a"} with data.write_paths as {"harmless": []}
	reading.rules == ["write_paths.review_required"]
	unset := write_paths.decision with input as {"action": "read", "path": "a"} with data.write_paths as {}
	unset.allow
}

test_action_must_be_text if {
	every action in [null, "", 1, ["read"]] {
		denied_for("write_paths.incomplete", {"action": action, "path": "server/a"})
	}
}
