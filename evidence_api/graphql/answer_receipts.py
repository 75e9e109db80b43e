"""GraphQL, answers with a receipt: `extensions: {"signedReceipt": true}` in, `extensions.receipt` (DSSE) out.

A refusal gets none. What the receipt binds is formats/answer_receipt.py.
"""

import orjson

from evidence_api.domain.principal import Principal
from evidence_api.formats.access_audit import asked_with
from evidence_api.formats.answer_receipt import Asked, TreeRead
from evidence_api.formats.dsse import encode_envelope
from evidence_api.graphql.call import Addition, Call
from evidence_api.graphql.request import Parameters
from evidence_api.use_cases.answer_receipts import AnswerReceipts

_MEMBER = "receipt"


def receipts_for(receipts: AnswerReceipts) -> Addition:
    """What adds them."""

    async def add(call: Call) -> None:
        ran, principal, parameters = call.ran, call.principal, call.parameters
        if call.refused is not None or ran is None or ran.head is None or principal is None or parameters is None:
            return
        if not parameters.signed_receipt:
            return
        tree = TreeRead(ran.head.tree_size, ran.head.checkpoint)
        envelope = receipts.make(_asked(call, principal, parameters, receipts), tree, call.result)
        call.extensions[_MEMBER] = orjson.Fragment(encode_envelope(envelope))

    return add


def _asked(call: Call, principal: Principal, parameters: Parameters, receipts: AnswerReceipts) -> Asked:
    name = call.operation.name if call.operation is not None else None
    return Asked(
        tenant=principal.tenant.name,
        principal_kind=principal.kind,
        principal_id=principal.id,
        document=f"sha256:{call.document.digest}" if call.document is not None else "",
        operation=name.value if name is not None else "",
        variables=asked_with(parameters.variables),
        request_id=call.request_id,
        at=receipts.now(),
    )
