# METADATA
# title: What a pattern can and cannot mean
# description: |
#   For the invariants of the areas: two readings of a pattern in which `*` stands for any run of characters, made without
#   regular expressions. What cannot fit does not match for sure, what must fit does for sure; in between nothing is said.
package evidence.invariant.shape

import rego.v1

# No `*`, and another text; or the text does not begin, or end, as the pattern does.
cannot_fit(_, text) if not is_string(text)

cannot_fit(pattern, text) if {
	is_string(text)
	not contains(pattern, "*")
	text != pattern
}

cannot_fit(pattern, text) if {
	is_string(text)
	contains(pattern, "*")
	not startswith(text, split(pattern, "*")[0])
}

cannot_fit(pattern, text) if {
	is_string(text)
	contains(pattern, "*")
	pieces := split(pattern, "*")
	not endswith(text, pieces[count(pieces) - 1])
}

must_fit(pattern, text) if pattern == text

must_fit(pattern, text) if {
	endswith(pattern, "*")
	prefix := substring(pattern, 0, count(pattern) - 1)
	not contains(prefix, "*")
	startswith(text, prefix)
}

none_can_fit(patterns, text) if {
	every pattern in patterns {
		cannot_fit(pattern, text)
	}
}
