"""`python -m evidence_api`: the same as the `evidence-api` command."""

from evidence_api.cli.main import run

if __name__ == "__main__":
    run()
