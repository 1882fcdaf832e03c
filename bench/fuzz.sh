#!/usr/bin/env bash
# Fuzzes every decoder that meets a peer's bytes: bench/fuzz.sh [SECONDS] [TARGET...]
# Ten minutes each by default; ends at the first finding. Wants a nightly toolchain and cargo-fuzz.
# What is new goes to a scratch corpus; with KEEP=1 the kept corpora are merged with it and minimised.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(cargo +nightly fuzz list)
# Only what is run: each is a program of its own to link.
for target in "${targets[@]}"; do cargo +nightly fuzz build --features fuzzing "$target"; done
scratch=target/fuzz-corpus
for target in "${targets[@]}"; do
  mkdir -p "$scratch/$target"
  # A single allocation of more than 64 MB, or an input that takes five seconds, is a finding.
  cargo +nightly fuzz run --features fuzzing "$target" "$scratch/$target" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -max_len=65536 -timeout=5 -malloc_limit_mb=64 -rss_limit_mb=2048 \
    -print_final_stats=1 -verbosity=0 2>"$scratch/$target.log" \
    || { tail -n 40 "$scratch/$target.log"; echo "$target: a finding, see fuzz/artifacts"; exit 1; }
  runs=$(awk '/number_of_executed_units/ {print $2}' "$scratch/$target.log")
  echo "$target: $runs inputs in $seconds s, no finding"
  if [ "${KEEP:-}" = 1 ]; then
    mkdir -p "$scratch/min"
    rm -rf "$scratch/min/$target"; mkdir "$scratch/min/$target"
    cargo +nightly fuzz run --features fuzzing "$target" "$scratch/min/$target" "fuzz/corpus/$target" "$scratch/$target" -- \
      -merge=1 -max_len=4096 2>>"$scratch/$target.log"
    rm -rf "fuzz/corpus/$target"; mv "$scratch/min/$target" "fuzz/corpus/$target"
  fi
done
