# What must never be allowed to leave, said from the other side than the rules say it.
package evidence.invariant.export

import rego.v1

forbidden contains "something found is neither counted nor known" if {
	some finding in input.findings
	not finding.detector in ["email", "phone", "payment_card", "national_id", "secret"]
}

forbidden contains sprintf("%v leaves though only %v may", [finding.detector, data.export.may_leave]) if {
	some finding in input.findings
	finding.count != 0
	count([1 | some free in data.export.may_leave; free == finding.detector]) == 0
}

forbidden contains "nobody said what it is for" if {
	count([1 | some purpose in data.export.purposes; purpose == object.get(input, "purpose", null)]) == 0
}

forbidden contains "nobody looked at it" if not is_array(object.get(input, "findings", null))
