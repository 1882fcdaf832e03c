#!/usr/bin/env bash
# Kills nodes, the witness and PostgreSQL at random points while people work, and lets disks fail, in full
# numbers. The test command does the same in small ones.
# Usage: bench/crash.sh [KILLS] [ROUNDS] [SEED]
set -euo pipefail
cd "$(dirname "$0")/.."
export COMITY_KILLS=${1:-1000} COMITY_ROUNDS=${2:-400} COMITY_SEED=${3:-1}
cargo test -p comity-cli --test crash --test faults -- --nocapture --test-threads 1
