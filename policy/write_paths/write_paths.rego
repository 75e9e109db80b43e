# METADATA
# title: Write paths
# description: |
#   May an agent write this file by itself? input: {action: "write", path}; actions that change nothing are not its
#   concern, every other one is a kind of writing. Paths are relative, with /; one that could mean another place for some
#   reader of it (.., escapes, backslashes, letters that look like / or .) is outside every folder.
package evidence.policy.write_paths

import data.evidence.policy.shape
import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

default settings := {}

settings := data.write_paths

action := object.get(input, "action", null)

path := object.get(input, "path", null)

denials contains {"rule": "write_paths.review_required", "reason": reason} if {
	writes
	is_string(path)
	not inside
	reason := sprintf("Writes to %s require human review", [path])
}

denials contains {"rule": "write_paths.incomplete", "reason": "the input does not say which path is written"} if {
	writes
	not is_string(path)
}

denials contains {"rule": "write_paths.incomplete", "reason": "the input does not say its action"} if {
	not shape.text(action)
}

writes if {
	shape.text(action)
	not action in object.get(settings, "harmless", ["read"])
}

inside if {
	plain
	some folder in object.get(settings, "allowed", [])
	startswith(path, sprintf("%s/", [trim_right(folder, "/")]))
}

# Letters, digits and the marks that file names have; no empty, "." or ".." part, and none that ends in a blank or dot.
plain if {
	is_string(path)
	regex.match(`^[\pL\pM\p{Nd}._@+=,~()\[\]{}$!'#&; -]+(/[\pL\pM\p{Nd}._@+=,~()\[\]{}$!'#&; -]+)*$`, path)
	not roundabout
}

roundabout if {
	is_string(path)
	regex.match(`(^|/)[ ]|[ .](/|$)`, path)
}

# Which a shell reads as several paths, some of them elsewhere: {a,..}, {a..z}.
roundabout if {
	is_string(path)
	regex.match(`\{.*(,|\.\.).*\}`, path)
}
