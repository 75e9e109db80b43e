"""What a signature covers: the value of each component, as RFC 9421 section 2 has it."""

from typing import Any

import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.formats.http_message import Message, component_value
from evidence_api.formats.http_signature import Component, SignatureInput, signature_base, signatures

REQUEST = Message(
    fields=(
        ("Host", "www.example.com"),
        ("X-OWS-Header", "   Leading and trailing whitespace.   "),
        ("X-Obs-Fold-Header", "Obsolete\r\n    line folding."),
        ("Cache-Control", "max-age=60"),
        ("Cache-Control", "    must-revalidate"),
        ("Example-Dict", "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
        ("Example-Header", "value, with, lots"),
        ("Example-Header", "of, commas"),
        ("X-Empty-Header", ""),
        ("X-Odd", "caf\xe9"),
    ),
    method="POST",
    target_uri="https://WWW.example.com:443/path?param=value&foo=bar&var=this%20is%0Aa%20value&plus=with+plus"
    "&fa%C3%A7ade%22%3A%20=something&twice=1&twice=2&empty=",
    trailers=(("Expires", "Wed, 9 Nov 2022 07:28:00 GMT"),),
)
ANSWER = Message((("Date", "today"),), status=503, request=REQUEST)

GOOD: tuple[tuple[Message, str, dict[str, Any], str], ...] = (
    (REQUEST, "x-ows-header", {}, "Leading and trailing whitespace."),
    (REQUEST, "x-obs-fold-header", {}, "Obsolete line folding."),
    (REQUEST, "cache-control", {}, "max-age=60, must-revalidate"),
    (REQUEST, "cache-control", {"sf": True}, "max-age=60, must-revalidate"),
    (REQUEST, "example-dict", {}, "a=1,    b=2;x=1;y=2,   c=(a   b   c), d"),
    (REQUEST, "example-dict", {"key": "a"}, "1"),
    (REQUEST, "example-dict", {"key": "b"}, "2;x=1;y=2"),
    (REQUEST, "example-dict", {"key": "c"}, "(a b c)"),
    (REQUEST, "example-dict", {"key": "d"}, "?1"),
    (REQUEST, "example-header", {"bs": True}, ":dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:"),
    (REQUEST, "x-empty-header", {}, ""),
    (REQUEST, "x-odd", {"bs": True}, ":Y2Fm6Q==:"),
    (REQUEST, "expires", {"tr": True}, "Wed, 9 Nov 2022 07:28:00 GMT"),
    (REQUEST, "@method", {}, "POST"),
    (REQUEST, "@authority", {}, "www.example.com"),
    (REQUEST, "@scheme", {}, "https"),
    (REQUEST, "@path", {}, "/path"),
    (REQUEST, "@query-param", {"name": "param"}, "value"),
    (REQUEST, "@query-param", {"name": "var"}, "this%20is%0Aa%20value"),
    (REQUEST, "@query-param", {"name": "plus"}, "with%20plus"),
    (REQUEST, "@query-param", {"name": "fa%C3%A7ade%22%3A%20"}, "something"),
    (REQUEST, "@query-param", {"name": "empty"}, ""),
    (Message(target_uri="https://h.example"), "@path", {}, "/"),
    (Message(target_uri="https://h.example"), "@query", {}, "?"),
    (Message(target_uri="http://h.example:8080/a?"), "@authority", {}, "h.example:8080"),
    (Message(target_uri="http://h.example:8080/a?"), "@request-target", {}, "/a?"),
    (Message(target_uri="http://[::1]:80/a"), "@authority", {}, "[::1]"),
    (Message(target_uri="https://h.example/a", request_target="*"), "@request-target", {}, "*"),
    (ANSWER, "@status", {}, "503"),
    (ANSWER, "@method", {"req": True}, "POST"),
    (ANSWER, "example-dict", {"req": True, "key": "a"}, "1"),
)
BAD: tuple[tuple[Message, str, dict[str, Any]], ...] = (
    (REQUEST, "x-absent", {}),
    (REQUEST, "Host", {}),
    (REQUEST, "x-odd", {}),
    (REQUEST, "host", {"sf": 1}),
    (REQUEST, "example-dict", {"sf": True}),
    (REQUEST, "example-dict", {"key": "z"}),
    (REQUEST, "example-dict", {"key": 1}),
    (REQUEST, "example-header", {"bs": True, "sf": True}),
    (REQUEST, "host", {"other": True}),
    (REQUEST, "expires", {}),
    (REQUEST, "@status", {}),
    (REQUEST, "@method", {"req": True}),
    (REQUEST, "@method", {"sf": True}),
    (REQUEST, "@nothing", {}),
    (REQUEST, "@query-param", {"name": "twice"}),
    (REQUEST, "@query-param", {"name": "absent"}),
    (REQUEST, "@query-param", {}),
    (ANSWER, "@method", {}),
    (Message((("date", "today"),), status=200), "@method", {"req": True}),
    (Message(target_uri="/relative"), "@path", {}),
    (Message(target_uri="https://[/path"), "@target-uri", {}),
    (Message(target_uri="https://host:port/path"), "@authority", {}),
    (Message(target_uri="https://host:99999/path"), "@authority", {}),
)


def test_each_component_has_the_value_of_the_specification() -> None:
    for message, name, parameters, value in GOOD:
        assert component_value(message, name, parameters) == value, (name, parameters)


def test_what_cannot_be_had_of_a_message_is_refused() -> None:
    for message, name, parameters in BAD:
        with pytest.raises(EvidenceError) as refused:
            component_value(message, name, parameters)
        assert refused.value.code in {"component", "structured_field"}, (name, parameters)


def test_the_base_holds_every_component_once_in_the_order_given() -> None:
    covered = (
        Component("@method"),
        Component("example-dict", {"key": "a"}),
        Component("@query-param", {"name": "foo"}),
    )
    described = SignatureInput(covered, {"keyid": 'a"b', "created": 1, "tag": "t"})
    assert signature_base(REQUEST, described).decode() == (
        '"@method": POST\n"example-dict";key="a": 1\n"@query-param";name="foo": bar\n'
        '"@signature-params": ("@method" "example-dict";key="a" "@query-param";name="foo")'
        ';keyid="a\\"b";created=1;tag="t"'
    )
    for wrong in ((Component("@method"), Component("@method")), (Component("@signature-params"),)):
        with pytest.raises(EvidenceError) as refused:
            signature_base(REQUEST, SignatureInput(wrong, {}))
        assert refused.value.code == "component"


def test_fields_that_do_not_describe_signatures_are_refused() -> None:
    wrong = (
        (("Signature-Input", "a=()"),),
        (("Signature-Input", "a=()"), ("Signature", "b=:AA==:")),
        (("Signature-Input", "a=1"), ("Signature", "a=:AA==:")),
        (("Signature-Input", "a=()"), ("Signature", "a=1")),
        (("Signature-Input", "a=(token)"), ("Signature", "a=:AA==:")),
        (("Signature-Input", 'a=();created="1"'), ("Signature", "a=:AA==:")),
        (("Signature-Input", "a=();nonce=1"), ("Signature", "a=:AA==:")),
        (("Signature-Input", "a=();created=1.5"), ("Signature", "a=:AA==:")),
        (("Signature-Input", "a=(" + '"x" ' * 65 + ")"), ("Signature", "a=:AA==:")),
    )
    for fields in wrong:
        with pytest.raises(EvidenceError) as refused:
            signatures(Message(fields))
        assert refused.value.code == "signature_malformed", fields
    assert signatures(REQUEST) == ()
