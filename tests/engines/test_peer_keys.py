"""Key sets of peers come over https alone, whole, bounded, and from where an operator said."""

import orjson
import pytest

from evidence_api.domain.errors import EvidenceError
from evidence_api.engines.http_signatures import MessageSigner
from evidence_api.engines.peer_keys import PeerKeySets
from evidence_api.formats.jwks import to_jwks
from tests.support.issuer import FakeIssuer

SIGNER = MessageSigner.generate()
SET = orjson.dumps(to_jwks([SIGNER.public]))


async def test_urls_that_are_not_plain_https_are_refused() -> None:
    for url in (
        "http://peer.example/jwks",
        "http://127.0.0.1/jwks",
        "https://user@peer.example/jwks",
        "https://peer.example/jwks#part",
        "file:///etc/passwd",
        "https://[broken",
        "peer.example",
    ):
        with pytest.raises(EvidenceError) as refused:
            await PeerKeySets().fetch(url)
        assert refused.value.code == "peer_url", url
    with pytest.raises(EvidenceError) as elsewhere:
        PeerKeySets(loopback=True).check("http://peer.example/jwks")
    assert elsewhere.value.code == "peer_url"


async def test_a_set_a_card_and_the_set_a_card_names_are_read() -> None:
    async with FakeIssuer() as server:
        card = orjson.dumps({"jwks_uri": f"{server.url}/set"})
        circle = orjson.dumps({"jwks_uri": f"{server.url}/circle"})
        away = orjson.dumps({"jwks_uri": "http://peer.example/jwks"})
        for path, body in (("/set", SET), ("/card", card), ("/circle", circle), ("/away", away)):
            server.answers[path] = (200, {}, body)
        sets = PeerKeySets(loopback=True)
        for path in ("/set", "/card"):
            assert await sets.fetch(server.url + path) == (SIGNER.public,)
        for path, code in (("/circle", "jwks"), ("/away", "peer_url"), ("/absent", "unreachable")):
            with pytest.raises(EvidenceError) as refused:
                await sets.fetch(server.url + path)
            assert refused.value.code == code, path


async def test_redirects_compression_and_length_are_refused() -> None:
    async with FakeIssuer() as server:
        server.answers["/moved"] = (302, {"Location": "/set"}, b"")
        server.answers["/packed"] = (200, {"Content-Encoding": "gzip"}, SET)
        server.answers["/long"] = (200, {}, SET + b" " * 70_000)
        for path, code in (("/moved", "unreachable"), ("/packed", "unreachable"), ("/long", "too_large")):
            with pytest.raises(EvidenceError) as refused:
                await PeerKeySets(loopback=True).fetch(server.url + path)
            assert refused.value.code == code, path
        server.down = True
        with pytest.raises(EvidenceError) as gone:
            await PeerKeySets(loopback=True).fetch(server.url + "/set")
        assert gone.value.code == "unreachable"
