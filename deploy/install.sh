#!/usr/bin/env bash
# Install what is missing: system packages, uv, the locked Python environment, the Temporal server.
# Needs Debian 12 or newer. Does nothing, in under a second, when everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv_version=0.13.8
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=${UV_LINK_MODE:-copy}

say() { printf 'install: %s\n' "$*" >&2; }
fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}

# Names of the packages in deploy/packages.txt that this release has and this machine lacks.
missing_packages() {
    local release wanted installed
    release=$(. /etc/os-release && echo "${VERSION_ID:-99}")
    wanted=$(awk -v release="$release" \
        '!/^#/ && NF { since = $2; sub(/\+/, "", since); if (release + 0 >= since + 0) print $1 }' \
        deploy/packages.txt | sort)
    # shellcheck disable=SC2016,SC2086 # dpkg's own variables; one word a package
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null |
        sed -n 's/^installed //p' | sort -u)
    comm -23 <(echo "$wanted") <(echo "$installed") | paste -sd ' '
}

install_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "this is not Debian: the packages of deploy/packages.txt are yours to install"
        return
    fi
    local missing as_root=()
    missing=$(missing_packages)
    [[ -n $missing ]] || return 0
    local apt="apt-get install --yes --no-install-recommends $missing"
    if ((EUID != 0)); then
        sudo -n true 2>/dev/null ||
            fail "system packages are missing and need root. Run this, then try again:
    sudo apt-get update && sudo $apt"
        as_root=(sudo -n)
    fi
    say "installing system packages: $missing"
    "${as_root[@]}" apt-get update --quiet=2
    # shellcheck disable=SC2086 # one word a package
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive $apt -qq >&2
}

# Sets python: 3.11 or newer.
find_python() {
    python=$(command -v python3) || fail "python3 is not on PATH; install Python 3.11 or newer"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$python is $("$python" --version); put Python 3.11 or newer first on PATH"
}

# Sets uv: from PATH, or ours.
install_uv() {
    if uv=$(command -v uv); then return; fi
    uv=$PWD/.tools/bin/uv
    [[ $(.tools/bin/uv --version 2>/dev/null) == "uv $uv_version"* ]] && return
    say "installing uv $uv_version into .tools"
    "$python" -m venv --clear .tools
    .tools/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
}

install_environment() {
    local inputs=(requirements.lock pyproject.toml clients/python/pyproject.toml)
    local stamp=.venv/installed now
    now=$("$python" --version && cat "${inputs[@]}" | sha256sum && pwd)
    if [[ -f $stamp && $(<"$stamp") == "$now" ]]; then return; fi
    install_uv
    say "installing the Python environment into .venv"
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        "$uv" venv --quiet --clear --python "$python" .venv
    fi
    "$uv" pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
        -e clients/python -e .
    echo "$now" >"$stamp"
}

# PATH, cache, download or build: deploy/temporal.py. The stamp saves a second of imports.
install_temporal() {
    [[ -z ${TEMPORAL_ADDRESS:-} ]] || return 0
    local stamp=.venv/temporal now="${MULLIGAN_CACHE:-} $PATH"
    if [[ -f $stamp && $(head -1 "$stamp") == "$now" && -x $(tail -1 "$stamp") ]]; then return; fi
    local command
    command=$(.venv/bin/python -m deploy.temporal) || exit 1
    printf '%s\n%s\n' "$now" "$command" >"$stamp"
}

case ${1:-all} in
all)
    install_packages
    find_python
    install_environment
    install_temporal
    ;;
clients) # for `make test` and `make generate`: Go, Node, and the clients built with them
    .venv/bin/python -m deploy.clients.build
    ;;
uv) # for `make lock`: print a uv
    find_python
    install_uv
    echo "$uv"
    ;;
*) fail "usage: deploy/install.sh [all|clients|uv]" ;;
esac
