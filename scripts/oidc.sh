#!/bin/sh
# The real programs against a real OpenID provider (npm `oidc-provider`) on loopback: signing in by the device flow and
# as a client, renewal, rotation of keys, forged tokens, signing out. `tests/oidc/story.mjs` says what must hold.
#
#   scripts/oidc.sh
#
# Needs cargo, and Node with npm: where they are missing, and Debian's packages can be installed, they are. What the
# provider consists of is named with its digests in tests/oidc/package-lock.json, and runs no code when it is installed.
set -eu
cd "$(dirname "$0")/.."
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "install Node 20 or later with npm (Debian: apt-get install nodejs npm)" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends nodejs npm >/dev/null
fi
(cd tests/oidc && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
# The same packages and features as the tests: nothing is compiled anew after them.
cargo build --locked --workspace --bin sekishod --bin sekisho
exec node tests/oidc/story.mjs "${CARGO_TARGET_DIR:-target}/debug"
