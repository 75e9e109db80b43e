#!/usr/bin/env bash
# Writes deploy/requirements*.txt from pyproject.toml: every version pinned, every file hashed, for all
# systems. Versions already pinned are kept; `deploy/requirements.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(command -v uv || true)
if [[ -z $uv ]]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    python3 -m venv "$scratch" && "$scratch/bin/pip" install --quiet uv
    uv=$scratch/bin/uv
fi

compile() {
    local output=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --no-header --output-file "$output" "$@"
}

# The widest set first: the others are held to its versions, so that the files agree.
widest=deploy/requirements-dev.txt
compile "$widest" pyproject.toml --extra server --extra embedded --extra dev "$@"
compile deploy/requirements.txt pyproject.toml --extra server --extra embedded --constraint "$widest"
compile deploy/requirements-verify.txt pyproject.toml --constraint "$widest"
echo hatchling | compile deploy/requirements-build.txt - --constraint "$widest"
