# METADATA
# title: Shapes
# description: |
#   What the parts of an input must look like before a rule reads them. Every area says with these what it cannot
#   decide on; no function here fails, whatever it is given.
package evidence.policy.shape

import rego.v1

# Text that says something.
text(value) if {
	is_string(value)
	trim_space(value) != ""
}

texts(value) if {
	is_array(value)
	every one in value {
		text(one)
	}
}

number_within(value, least, most) if {
	is_number(value)
	value >= least
	value <= most
}

whole_within(value, least, most) if {
	number_within(value, least, most)
	floor(value) == value
}

digest(value) if {
	is_string(value)
	regex.match(`^sha256:[0-9a-f]{64}$`, value)
}

# RFC 3339 in UTC to the second, fractions allowed; such times sort as text do up to their fraction.
moment(value) if {
	is_string(value)
	regex.match(`^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?Z$`, value)
}

# A number as people write it, the same in every engine (not all know %d of less than nought): no exponents, at most
# six places, none that are nought.
told(value) := "no number" if not is_number(value)

told(value) := sprintf("%s%d", [sign(value), floor(abs(value))]) if whole(value)

told(value) := trim_right(sprintf("%s%d.%06d", [sign(value), floor(parts / 1000000), parts % 1000000]), "0") if {
	fraction(value)
	parts := round(abs(value) * 1000000)
	parts % 1000000 != 0
}

told(value) := sprintf("%s%d", [sign(round(value)), round(abs(value))]) if {
	fraction(value)
	round(abs(value) * 1000000) % 1000000 == 0
}

whole(value) if {
	is_number(value)
	floor(value) == value
}

# What is as large has no places that could be told.
whole(value) if {
	is_number(value)
	abs(value) >= 1000000000
}

fraction(value) if {
	is_number(value)
	floor(value) != value
	abs(value) < 1000000000
}

sign(value) := "-" if value < 0

sign(value) := "" if value >= 0

# Two spellings of one word: case and blanks around it do not tell people or licences apart.
folded(value) := lower(trim_space(value)) if is_string(value)
