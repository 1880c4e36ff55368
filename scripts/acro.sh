#!/bin/sh
# Sekisho beside ACRO 1.0.2 on one crosstab: processor time, memory, and the cells on which the two differ.
#
#   scripts/acro.sh [PEOPLE]          2250000 unless told otherwise
#
# Needs python3 and cargo. ACRO is installed into .venv of the checkout, which git ignores. What is measured of
# Sekisho is the checkpoint: who is in which cell, and the verdict on the table with all its margins. What the engine
# adds is the query `crosstab` of `sekishod bench --only sekisho --query crosstab`.
set -eu
cd "$(dirname "$0")/.."
people=${1:-2250000}
if ! .venv/bin/python -c 'import acro' 2>/dev/null; then
    python3 -m venv .venv
    .venv/bin/pip install --quiet 'acro==1.0.2'
fi
ours=$(cargo bench --locked -p sekisho-disclosure --bench crosstab --no-run --message-format=json |
    .venv/bin/python -c '
import json, sys
found = [json.loads(line) for line in sys.stdin if line.startswith("{")]
print([one["executable"] for one in found if one.get("executable") and one["target"]["name"] == "crosstab"][-1])')
exec .venv/bin/python scripts/beside_acro.py --people "$people" --ours "$ours"
