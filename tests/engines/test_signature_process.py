"""The signature process: only ever right, never in the way, gone when the server is."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evidence_api.engines import signature_process
from evidence_api.engines.keys import EnvelopeSigner, first_candidate, verified_by, verify_envelope
from evidence_api.engines.signature_process import Answer, SignatureProcess
from evidence_api.formats import dsse
from evidence_api.formats.dsse import Envelope, Signature

SIGNERS = [EnvelopeSigner.generate("ecdsa-p256", "one"), EnvelopeSigner.generate("ed25519", "two")]


def asked(signatures: SignatureProcess, signer: EnvelopeSigner, payload: bytes, *, spoilt: bool = False) -> Answer:
    envelope = signer.sign("text/plain", payload)
    signed = dsse.pae("text/plain", payload + b"!" if spoilt else payload)
    answer = signatures.ask(signer.public_key, envelope.signatures[0].sig, signed)
    assert answer is not None
    return answer


def gone(pid: int) -> bool:
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


async def test_answers_come_in_order_and_only_the_good_are_good() -> None:
    async with SignatureProcess() as signatures:
        expected = [number % 3 != 0 for number in range(100)]
        answers = [
            asked(signatures, SIGNERS[number % 2], b"%d" % number, spoilt=not good)
            for number, good in enumerate(expected)
        ]
        assert await asyncio.gather(*answers) == expected


async def test_signatures_of_any_shape_are_bad_not_fatal() -> None:
    async with SignatureProcess() as signatures:
        key = SIGNERS[0].public_key
        for signature in (b"", b"\0", b"0" * 64, b"\x30\x80" * 4000):
            answer = signatures.ask(key, signature, b"signed")
            assert answer is not None
            assert await answer is False
        assert await asked(signatures, SIGNERS[0], b"still there")


async def test_a_large_message_is_answered_too() -> None:
    async with SignatureProcess() as signatures:
        assert await asked(signatures, SIGNERS[1], os.urandom(3 << 20))


async def test_a_killed_process_leaves_nobody_waiting_and_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_process, "_RESTART_SECONDS", 0.01)
    async with SignatureProcess() as signatures:
        assert await asked(signatures, SIGNERS[0], b"it works")
        first = signatures.pid
        answers = [asked(signatures, SIGNERS[0], b"%d" % number, spoilt=True) for number in range(200)]
        os.kill(first, signal.SIGKILL)
        told = await asyncio.wait_for(asyncio.gather(*answers), 5)
        assert None in told
        assert told.count(True) == 0
        for _ in range(500):
            if signatures.pid != first and signatures.ask(SIGNERS[0].public_key, b"", b"") is not None:
                break
            await asyncio.sleep(0.01)
        assert await asked(signatures, SIGNERS[0], b"it works again")


async def test_a_caller_who_leaves_does_not_shift_the_answers() -> None:
    async with SignatureProcess() as signatures:
        leaving = asked(signatures, SIGNERS[0], b"leaving", spoilt=True)
        staying = asked(signatures, SIGNERS[0], b"staying")
        leaving.cancel()
        assert await staying is True


async def test_nobody_is_asked_where_there_is_no_process_or_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async with SignatureProcess(enabled=False) as absent:
        assert absent.ask(SIGNERS[0].public_key, b"", b"") is None
    async with SignatureProcess() as signatures:
        monkeypatch.setattr(signature_process, "MAX_WAITING", 1)
        last = asked(signatures, SIGNERS[0], b"last")
        assert signatures.ask(SIGNERS[0].public_key, b"", b"") is None
        assert await last
    assert signatures.ask(SIGNERS[0].public_key, b"", b"") is None


async def test_closing_ends_the_process_and_tells_who_waits() -> None:
    async with SignatureProcess() as signatures:
        pid = signatures.pid
        answers = [asked(signatures, SIGNERS[0], b"%d" % number, spoilt=True) for number in range(500)]
    assert set(await asyncio.gather(*answers)) <= {False, None}
    assert await asyncio.to_thread(gone, pid)


def test_the_process_ends_with_a_server_that_is_killed() -> None:
    script = (
        "import asyncio, sys\n"
        "from evidence_api.engines.signature_process import SignatureProcess\n"
        "async def main():\n"
        "    async with SignatureProcess() as signatures:\n"
        "        print(signatures.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        pid = int(server.stdout.readline())
        server.kill()
    assert gone(pid)


def test_the_first_candidate_is_the_key_verify_envelope_finds() -> None:
    envelope = SIGNERS[0].sign("text/plain", b"payload")
    keys = (SIGNERS[1].public_key, SIGNERS[0].public_key)
    key = first_candidate(envelope, keys)
    assert key is SIGNERS[0].public_key
    assert verified_by(key, keys) == verify_envelope(envelope, keys)
    assert first_candidate(envelope, keys[:1]) is keys[0]


def test_there_is_no_first_candidate_where_there_is_doubt() -> None:
    envelope = SIGNERS[0].sign("text/plain", b"payload")
    mine, other = SIGNERS[0].public_key, SIGNERS[1].public_key
    unnamed = Envelope("text/plain", b"payload", (Signature("", envelope.signatures[0].sig),))
    doubled = Envelope("text/plain", b"payload", envelope.signatures * 2)
    assert first_candidate(unnamed, (mine, other)) is None
    assert first_candidate(doubled, (mine,)) is None
    assert first_candidate(envelope, ()) is None
    assert first_candidate(envelope, (mine,) * 65) is None
