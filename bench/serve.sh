#!/usr/bin/env bash
# How long `comity serve` takes until it answers, and what it holds in memory at rest.
# Usage: bench/serve.sh [RUNS]; builds the release binary first.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
comity=target/release/comity
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
web=$(port) exchange=$(port) admin=$(port)
"$comity" --data "$folder/node" init --party northland --name Northland \
  --web "127.0.0.1:$web" --exchange "127.0.0.1:$exchange" --admin "127.0.0.1:$admin" >/dev/null
for _ in $(seq "${1:-10}"); do
  begin=$(date +%s%N)
  "$comity" --data "$folder/node" serve 2>/dev/null &
  node=$!
  until curl -sf "http://127.0.0.1:$admin/readyz" >/dev/null; do :; done
  ready=$((($(date +%s%N) - begin) / 1000000))
  sleep 1
  resident=$(awk '/VmRSS/ {print $2}' "/proc/$node/status")
  echo "ready after ${ready} ms, ${resident} kB resident"
  kill "$node"; wait "$node" 2>/dev/null || true
done
