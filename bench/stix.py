#!/usr/bin/env python3
"""`comity stix` beside OASIS' own validator and matcher, on objects and patterns made at random.

Usage: bench/stix.py [CASES [SEED]]; wants a Python with stix2-validator and stix2-matcher, and a binary at COMITY
(default target/release/comity). Prints where the two differ, and exits 1 where they do."""

import json
import os
import random
import subprocess
import sys
import tempfile

from stix2matcher.matcher import MatcherException, match
from stix2patterns.v21.pattern import ParseException
from stix2patterns.validator import run_validator

COMITY = os.environ.get("COMITY", "target/release/comity")
CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 500
rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)


def time(second):
    return f"2024-01-01T00:{second // 60:02}:{second % 60:02}Z"


def observations():
    objects = []
    for number in range(rng.randint(1, 6)):
        first = rng.randint(0, 40)
        keys = [f"{rng.choice('xy')}--{number}-{key}" for key in range(rng.randint(1, 3))]
        objects.append({
            "type": "observed-data", "id": f"observed-data--{number}", "number_observed": rng.randint(1, 2),
            "first_observed": time(first), "last_observed": time(first + rng.choice([0, 0, 3])), "object_refs": keys,
        })
        objects += [{
            "type": key[0],
            "id": key,
            "n": rng.choice([1, 2, 2.5]),
            "b": rng.choice([True, False]),
            "s": rng.choice(["alice", "bob", "10.0.0.1", "10.0.0.0/9"]),
            "l": [rng.randint(0, 3) for _ in range(rng.randint(1, 3))],
            "o_ref": rng.choice(keys + ["x--nowhere"]),
        } for key in keys]
    return [{"type": "bundle", "id": "bundle--1", "objects": objects}]


def test():
    path = rng.choice(["n", "s", "b", "l[*]", "l[0]", "o_ref.n", "o_ref.s", "nothing"])
    kind = rng.choice("xy")
    if path == "b":
        # OASIS finds true among (1, 2), as Python does.
        return f"{kind}:b {rng.choice(['=', '!='])} {rng.choice(['true', 'false', '1'])}"
    negated = rng.choice(["", "", "NOT "])
    number = rng.choice(["1", "2", "2.5", "-1"])
    text = rng.choice(["'alice'", "'bob'"])
    return f"{kind}:{path} {negated}" + rng.choice([
        f"= {number}", f"!= {number}", f"> {number}", f"<= {number}", f"= {text}", f"< {text}", "= true",
        "IN (1, 2)", "IN ('bob', 'eve')", "LIKE 'a%e'", "LIKE '_o_'", "MATCHES 'l.c'", "MATCHES '^b'",
    ])


def expression(depth):
    if depth == 0 or rng.random() < 0.4:
        return test()
    inner = f" {rng.choice(['AND', 'OR'])} ".join(expression(depth - 1) for _ in range(2))
    return f"({inner})"


def pattern(depth):
    if depth == 0 or rng.random() < 0.3:
        text = f"[{expression(2)}]"
    else:
        word = rng.choice(["AND", "OR", "FOLLOWEDBY"])
        text = "(" + f" {word} ".join(pattern(depth - 1) for _ in range(2)) + ")"
    chance = rng.random()
    if chance < 0.15:
        text += f" WITHIN {rng.randint(1, 20)} SECONDS"
    elif chance < 0.25:
        text += f" REPEATS {rng.randint(1, 3)} TIMES"
    elif chance < 0.35:
        text += f" START t'{time(rng.randint(0, 20))}' STOP t'{time(rng.randint(10, 50))}'"
    return text


def ours(text, file):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as handle:
        json.dump(file, handle)
        handle.flush()
        call = [COMITY, "stix", "pattern", "match", "--pattern", text, handle.name]
        done = subprocess.run(call, capture_output=True, text=True)
        return {0: True, 1: False}.get(done.returncode, done.stderr)


def theirs(text, file):
    try:
        return bool(match(text, file, stix_version="2.1"))
    except (MatcherException, ParseException) as error:
        return str(error)


differ = matched = 0
for _ in range(CASES):
    text, file = pattern(2), observations()
    one, other = ours(text, file), theirs(text, file)
    matched += other is True
    if one != other:
        differ += 1
        print("MATCH", repr(text), "comity:", one, "OASIS:", other, json.dumps(file))

words = ["[", "]", "(", ")", "a:b", "c:d.e", "=", "!=", ">", "IN", "(1, 2)", "'x'", "1", "2.5", "AND", "OR", "NOT", "LIKE",
         "WITHIN 5 SECONDS", "REPEATS 2 TIMES", "FOLLOWEDBY", "EXISTS", "h'00'", "b'AQID'", "t'2024-01-01T00:00:00Z'", "x"]
lines = []
for _ in range(CASES):
    line = pattern(1).split(" ")
    for _ in range(rng.randint(0, 2)):
        at = rng.randrange(len(line))
        line[at:at + rng.randint(0, 1)] = [rng.choice(words)]
    lines.append(" ".join(line))
done = subprocess.run([COMITY, "stix", "pattern", "check"], input="\n".join(lines), capture_output=True, text=True)
valid = 0
for line, said in zip(lines, done.stdout.splitlines()):
    said, errors = json.loads(said), run_validator(line, "2.1")
    valid += said["valid"]
    if said["valid"] == bool(errors):
        differ += 1
        print("CHECK", repr(line), "comity:", said["error"] or "valid", "OASIS:", [str(e) for e in errors] or "valid")
print(f"{CASES} patterns over observations, {matched} match; {CASES} texts, {valid} are patterns; {differ} differ")
sys.exit(1 if differ else 0)
