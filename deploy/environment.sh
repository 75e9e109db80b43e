# Sourced by deploy/quickstart and deploy/test: finds Python and the system's libraries, and keeps .venv
# equal to the pinned requirements. Nothing here runs twice: a stamp in .venv remembers what was installed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
libraries=(libpango-1.0.so.0 libpangoft2-1.0.so.0 libharfbuzz.so.0 libharfbuzz-subset.so.0 libfontconfig.so.1 libgobject-2.0.so.0)
packages=(libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz0b libharfbuzz-subset0 libfontconfig1 libglib2.0-0 fonts-dejavu-core)
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1

say() { printf '%s\n' "$*" >&2; }
stop() { say "error: $*"; exit 2; }

# The first Python of at least 3.11; $PYTHON names another.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    stop "no Python 3.11 or newer found (tried: ${PYTHON:-python3.11 python3.12 python3.13 python3}).
  Install it (Debian, Ubuntu: apt-get install python3 python3-venv) or set PYTHON=/path/to/python3.11"
}

# Install Debian packages when root, otherwise say which and stop.
install_packages() {
    local why=$1
    shift
    if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
        stop "$why. As root, run: apt-get install $*
  (other systems: the packages with Pango 1.50 or newer and HarfBuzz with hb-subset, and Python's venv module)"
    fi
    say "installing from the system's packages ($why): $*"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "$@" >&2; } ||
        stop "apt-get install $* did not work; the lines above say why"
}

# What weasyprint loads at run time. Asking the loader is quicker, and truer, than asking the packager.
system_libraries() {
    local python=$1
    if ! "$python" -c 'import ctypes, sys; [ctypes.CDLL(name) for name in sys.argv[1:]]' "${libraries[@]}" 2>/dev/null; then
        install_packages "the libraries that draw the PDF are missing" "${packages[@]}"
    fi
}

# A virtual environment whose Python still works.
virtual_environment() {
    local python=$1 version
    if [[ -x $venv/bin/python ]] && "$venv/bin/python" -c 'import pip' 2>/dev/null; then
        return
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_packages "this Python has no venv module" "python$version-venv"
    fi
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear "$venv" || stop "the virtual environment could not be made"
}

# requirements NAME FILE...: install the pinned files, hashes checked, then the project itself in place.
requirements() {
    local name=$1 wanted stamp total
    shift
    stamp=$venv/.installed-$name
    wanted=$(cat "$@" "$root/pyproject.toml" | sha256sum)
    if [[ -f $stamp && $(cat "$stamp") == "$wanted" ]]; then
        return
    fi
    total=$(sort -u "$@" | grep -c '==')
    say "installing $total pinned packages into .venv"
    "$venv/bin/python" -m pip install --require-hashes --no-deps --progress-bar off \
        "${@/#/--requirement=}" | progress "$total" || stop "pip could not install the pinned packages"
    # The build backend is one of the pinned packages, so nothing unpinned is fetched to build with.
    "$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable "$root" ||
        stop "pip could not install this project into .venv"
    printf '%s\n' "$wanted" >"$stamp"
}

# One line that counts on a terminal, one line in twenty otherwise.
progress() {
    awk -v total="$1" -v terminal="$([[ -t 2 ]] && echo 1 || echo 0)" '
        /^Collecting / {
            n++
            if (terminal) printf "\r  fetched %d of %d", n, total > "/dev/stderr"
            else if (n % 20 == 0) printf "  fetched %d of %d\n", n, total > "/dev/stderr"
        }
        /^Installing collected/ {
            if (terminal) printf "\r" > "/dev/stderr"
            print "  fetched all; unpacking" > "/dev/stderr"
        }'
}
