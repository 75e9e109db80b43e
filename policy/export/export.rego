# METADATA
# title: Export
# description: |
#   May this leave the tenant? Asked before a pack is given out, and by whoever exports anything else.
#   input: {purpose, redacted, findings: [{detector, count}]}; `findings` is what the guard found in what would leave,
#   `redacted` whether all that was found before has been replaced already. Nothing that was found is in the input.
package evidence.policy.export

import rego.v1

decision := {
	"allow": count(denials) == 0,
	"rules": sort({denial.rule | some denial in denials}),
	"reasons": sort({denial.reason | some denial in denials}),
}

detectors := {"email", "phone", "payment_card", "national_id", "secret"}

words := {
	"email": "e-mail addresses",
	"phone": "phone numbers",
	"payment_card": "payment card numbers",
	"national_id": "national identification numbers",
	"secret": "secrets",
}

denials contains {"rule": sprintf("export.%s", [finding.detector]), "reason": reason} if {
	complete
	some finding in input.findings
	finding.count > 0
	not may_leave(finding.detector)
	reason := sprintf("%s found (%d); they may not leave", [words[finding.detector], finding.count])
}

denials contains {"rule": "export.purpose", "reason": reason} if {
	complete
	not purpose_known
	reason := sprintf("nothing is exported for the purpose %s", [input.purpose])
}

may_leave(detector) if detector in data.export.may_leave

purpose_known if input.purpose in data.export.purposes

# What was not looked at is not known to be free of anything.
denials contains {"rule": "export.incomplete", "reason": reason} if {
	not complete
	reason := "the input does not say its purpose, whether it is redacted, and how much of what was found"
}

complete if {
	is_string(input.purpose)
	is_boolean(input.redacted)
	is_array(input.findings)
	every finding in input.findings {
		finding.detector in detectors
		is_number(finding.count)
		finding.count >= 0
		finding.count == floor(finding.count)
	}
}
