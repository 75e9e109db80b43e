# METADATA
# title: Where no agent may write by itself
package evidence.invariant.write_paths

import rego.v1

settings := [
	{"allowed": ["server/"], "harmless": ["read"]},
	{"allowed": ["server", "docs/guide/"], "harmless": ["read", "list"]},
	{"allowed": [], "harmless": []},
]

forbidden contains "an action that may change something, without a path" if {
	changes
	not is_string(object.get(input, "path", null))
}

changes if {
	harmless := {action | some action in data.write_paths.harmless}
	count({object.get(input, "action", null)} - harmless) == 1
}

parts := split(input.path, "/") if is_string(input.path)

forbidden contains "not below any of the folders" if {
	changes
	every folder in data.write_paths.allowed {
		not below(split(trim(folder, "/"), "/"))
	}
}

below(folder) if {
	array.slice(parts, 0, count(folder)) == folder
	count(parts) > count(folder)
}

forbidden contains "a path that leaves its folder, or begins at the root" if {
	changes
	some part in parts
	part in {"", ".", "..", "~"}
}

# What another reader of the path may take for one of those.
tricks := ["\\", "%", "\u0000", "\n", "\r", "\t", "\u200b", "\u200d", "\u202e", "\u2024", "\u2025", "\u2026", "\u2044", "\u2215", "\uff0e", "\uff0f", "\uff3c", "\ufe52", "\ufe68", "\ufeff"]

forbidden contains sprintf("a path with %v in it", [json.marshal(trick)]) if {
	changes
	some trick in tricks
	contains(input.path, trick)
}

forbidden contains "a path that a shell reads as several" if {
	changes
	after := substring(input.path, indexof(input.path, "{") + 1, -1)
	contains(input.path, "{")
	comma := indexof(after, ",")
	comma >= 0
	indexof(after, "}") > comma
}

forbidden contains "a name that ends in a blank or dot, which some systems drop" if {
	changes
	some part in parts
	some end in [".", " "]
	endswith(part, end)
}
