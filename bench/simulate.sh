#!/usr/bin/env bash
# Runs the simulation over many seeds, on every core: bench/simulate.sh [SEEDS] [FIRST]
# Each seed is a run of its own: cuts, delays, duplicates, restarts, clocks hours off; every fifth has a
# party that equivocates, every fifth one that withholds receipts. A failure names its seed.
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-5000} first=${2:-1}
started=$(date +%s)
# With the program's package beside it nothing is built twice: its features are the same.
COMITY_FIRST_SEED=$first COMITY_SEEDS=$seeds RUST_BACKTRACE=0 \
  cargo test --release -p comity-cli -p comity-node --test simulation
echo "$seeds seeds from $first in $(($(date +%s) - started)) s: every pair ended equal or had its proof"
