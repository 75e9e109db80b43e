"""The closed table of Rego builtins: which the engine has, and why some may not be called.

Written down from the pinned engine by calling every builtin of the language with nought to five
arguments (tests/engines/test_rego_builtins.py does it again, so a new engine that differs fails there).
A policy is a pure function of its input: what reads a clock, the network, the host or chance is banned
whether the engine has it or not, and so is what writes to the process's output.
"""

from collections.abc import Mapping

# Name -> number of arguments. A call may have one more: the result, bound or compared.
ARITY: Mapping[str, int] = {
    name: arity
    for arity, names in {
        1: """abs array.reverse base64.decode base64.encode base64.is_valid base64url.decode base64url.encode
           base64url.encode_no_pad bits.negate ceil count floor glob.quote_meta hex.decode hex.encode intersection
           is_array is_boolean is_null is_number is_object is_set is_string json.is_valid json.marshal json.unmarshal
           json.verify_schema lower max min object.keys object.union_n product regex.is_valid round semver.is_valid
           sort strings.reverse sum time.clock time.date time.format time.parse_duration_ns time.parse_rfc3339_ns
           time.weekday to_number trim_space type_name union units.parse units.parse_bytes upper urlquery.decode
           urlquery.decode_object urlquery.encode urlquery.encode_object uuid.parse walk yaml.is_valid yaml.marshal
           yaml.unmarshal""",
        2: """array.concat bits.and bits.lsh bits.or bits.rsh bits.xor concat contains endswith format_int
           graph.reachable graph.reachable_paths indexof indexof_n json.filter json.marshal_with_options
           json.match_schema json.patch json.remove numbers.range object.filter object.remove object.subset
           object.union regex.match regex.split semver.compare split sprintf startswith
           strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n time.diff
           time.parse_ns trim trim_left trim_prefix trim_right trim_suffix""",
        3: """array.slice glob.match numbers.range_step object.get regex.find_all_string_submatch_n regex.find_n
           regex.replace replace substring""",
        4: "regex.template_match time.add_date",
    }.items()
    for name in names.split()
}

_NOT_PURE = "a policy is a pure function of its input"
_NETWORK = f"reaches the network or the host; {_NOT_PURE}"
_PRINTS = "writes to the process's output; a decision says its reasons in its answer"

BANNED: Mapping[str, str] = {
    "http.send": f"reaches the network; {_NOT_PURE}",
    "time.now_ns": f"reads the clock; {_NOT_PURE}, the evaluation time stands in the input",
    "rand.intn": f"answers by chance; {_NOT_PURE}",
    "uuid.rfc4122": f"answers by chance; {_NOT_PURE}",
    "opa.runtime": f"reads the host's environment; {_NOT_PURE}",
    "trace": _PRINTS,
    "print": _PRINTS,
}
BANNED_PREFIXES: Mapping[str, str] = {"net.": _NETWORK}

# The engine has these and answers otherwise than OPA; engines/rego_extensions.py replaces them.
REPLACED: frozenset[str] = frozenset({"graph.reachable_paths", "strings.count"})

# The engine lacks these; engines/rego_extensions.py adds them. Name -> number of arguments.
ADDED: Mapping[str, int] = {
    "array.flatten": 1,
    "crypto.md5": 1,
    "crypto.sha1": 1,
    "crypto.sha256": 1,
    "crypto.hmac.md5": 2,
    "crypto.hmac.sha1": 2,
    "crypto.hmac.sha256": 2,
    "crypto.hmac.sha512": 2,
    "crypto.hmac.equal": 2,
    "io.jwt.decode": 1,
    "io.jwt.decode_verify": 2,
    "io.jwt.encode_sign": 3,
    "io.jwt.encode_sign_raw": 3,
    **{f"io.jwt.verify_{kind}{size}": 2 for kind in ("hs", "rs", "ps", "es") for size in (256, 384, 512)},
    "io.jwt.verify_eddsa": 2,
}

_LACKING = """all any cast_array cast_boolean cast_null cast_object cast_set cast_string crypto.parse_private_keys
    crypto.x509.parse_and_verify_certificates
    crypto.x509.parse_and_verify_certificates_with_options crypto.x509.parse_certificate_request
    crypto.x509.parse_certificates crypto.x509.parse_keypair crypto.x509.parse_rsa_private_key graphql.is_valid
    graphql.parse graphql.parse_and_verify graphql.parse_query graphql.parse_schema graphql.schema_is_valid
    providers.aws.sign_req re_match regex.globs_match rego.metadata.chain
    rego.metadata.rule rego.parse_module set_diff strings.render_template
    and assign div eq equal gt gte lt lte minus mul neq or plus rem"""
LACKING: frozenset[str] = frozenset(_LACKING.split())
LACKING_PREFIXES = ("crypto.", "graphql.", "io.jwt.", "providers.", "rego.")


def objection(name: str) -> tuple[str, str] | None:
    """(code, reason) when a builtin of this name may not be called; None when it may, or is none."""
    if name in ADDED:
        return None
    if name in BANNED:
        return "banned_builtin", BANNED[name]
    for prefix, reason in BANNED_PREFIXES.items():
        if name.startswith(prefix):
            return "banned_builtin", reason
    if name in LACKING or name.startswith(LACKING_PREFIXES):
        return "lacking_builtin", "the embedded engine has no such builtin"
    return None
