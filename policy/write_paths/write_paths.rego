# METADATA
# title: Write paths
# description: |
#   May an agent write this file by itself? input: {action: "write", path}; other actions are not its
#   concern. Paths are relative, with /; one that could leave its folder is outside every folder.
package evidence.policy.write_paths

import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

denials contains {"rule": "write_paths.review_required", "reason": reason} if {
	input.action == "write"
	is_path
	not inside
	reason := sprintf("Writes to %s require human review", [input.path])
}

denials contains {"rule": "write_paths.incomplete", "reason": "the input does not say which path is written"} if {
	input.action == "write"
	not is_path
}

denials contains {"rule": "write_paths.incomplete", "reason": "the input does not say its action"} if not input.action

is_path if is_string(input.path)

inside if {
	is_path
	some folder in data.write_paths.allowed
	startswith(input.path, folder)
	not roundabout
}

roundabout if {
	is_path
	some part in split(input.path, "/")
	part in {"..", "."}
}

roundabout if {
	is_path
	contains(input.path, "\\")
}

roundabout if {
	is_path
	contains(input.path, "//")
}
