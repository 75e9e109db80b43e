"""The README inside every pack: how to check it with our command, and by hand without us."""

README = """\
HOW TO VERIFY THIS AUDIT PACK

1. With the command (no server, no network, no account)

       evidence-api verify audit-pack.pdf

   It ends with exit code 0 only if all of this holds, and prints each step:
     1  the signature covers the whole file, to the last byte
     2  the manifest and the files agree both ways: nothing missing, nothing extra
     3  the log's checkpoint is signed with the log's key
     4  each piece of evidence is in the log: digest, identity, leaf, inclusion proof
     5  each signature on the evidence holds, checked again with the keys enclosed
     6  the catalog loads again and gives the enclosed Rego; the policy bundle has its digest
     7  every verdict is derived again from the evidence and equals the one recorded
     8  the words printed on the pages are those verdicts
     9  the completeness line is true
    10  every decision of a router, a gate, a budget ... comes out again from its inputs as recorded
   The command prints the fingerprint of the key that signed the pack. Compare it with the one the
   issuer gave you by another way (or pass it: --key sha256:...). A pack signed by somebody else
   can be consistent in itself; only the fingerprint says who vouches for it.

2. By hand

   Every file is an attachment of the PDF (pdfdetach -saveall audit-pack.pdf) or, base64-encoded,
   a member of "artifacts" in the JSON pack.

     pack.json             the index: release, verdicts, records, proofs, and a manifest of all files
     evidence/             each piece of evidence exactly as it was received
     log/                  the signed checkpoint and the log's verifier key
     catalog/              the controls as written; catalog.rego is what they compile to
     policy/               the policy bundle
     trust/                public keys and the trusted root the signatures are checked against

   Digests      sha256sum FILE, compared with "manifest" in pack.json
   Pack         "signature" in pack.json is ECDSA P-256 over the DSSE pre-authentication encoding of
                type "application/vnd.evidence-api.pack.v1+json" and the RFC 8785 form of "pack";
                the certificate is in pack.signer
   Checkpoint   a C2SP signed note (tlog-checkpoint), Ed25519
   Inclusion    leaf hash = SHA-256(0x00 || leaf); fold the proof as in RFC 9162, section 2.1.3.2,
                and compare with the root in the checkpoint
   Signatures   DSSE envelopes and Sigstore bundles: any tool that reads them
   Verdicts     catalog.rego is plain Rego v1 and decides from the facts recorded in pack.json, one
                row for each record; data.evidence.catalog.verdicts is the rule to ask
   Decisions    "decisions" in pack.json says what each came to; evidence-api inspect evidence/FILE
                computes one again

3. What this proves, and what it does not

   It proves that this evidence was received, signed by the keys enclosed, logged unchanged, and that
   the verdicts follow from it. It does not prove that no other evidence exists: whoever made the pack
   chose the release, and vouches for the evidence being all of it.
"""
