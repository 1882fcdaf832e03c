#!/usr/bin/env python3
"""Ten million indicators in a gigabyte of logs, beside whatever else can look for them here.

    bench/hunt.py [--folder /tmp/comity-hunt] [--indicators 10000000] [--megabytes 1000] [--peers]

Builds what it needs, makes indicators and logs whose hits are known (examples/generate.rs), and prints CPU-seconds
(user and system) of each, the best of three. Peers where they are installed: wc, grep, rg, zstd, gzip, and for Python
hyperscan and duckdb (`pip install hyperscan duckdb`).
"""
import argparse, json, os, resource, shutil, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
options.add_argument("--folder", default="/tmp/comity-hunt")
options.add_argument("--indicators", type=int, default=10_000_000)
options.add_argument("--megabytes", type=int, default=1000)
options.add_argument("--peers", action="store_true")
given = options.parse_args()
folder = Path(given.folder)
COMITY = str(ROOT / "target/release/comity")


def cpu(command, times=3, out=subprocess.DEVNULL, quiet=True):
    """CPU-seconds, elapsed seconds and resident megabytes of the best of some runs."""
    best = None
    for _ in range(times):
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL if quiet else None)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in (0, 1):
            sys.exit(f"{command}: exit code {child.returncode}")
        one = (used.ru_utime + used.ru_stime, time.monotonic() - start, used.ru_maxrss / 1024)
        best = min(best, one) if best else one
    return best


def row(name, figures, note=""):
    print(f"| {name} | {figures[0]:.2f} | {figures[1]:.2f} | {figures[2]:.0f} | {note} |", flush=True)


subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
# With the program's package beside it nothing is built twice: its features are the same.
subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "comity-cli", "-p", "comity-hunt", "--example", "generate"], cwd=ROOT, check=True)
made = folder / f"made-{given.indicators}-{given.megabytes}"
if not made.exists():
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generate = str(ROOT / "target/release/examples/generate")
    subprocess.run([generate, str(folder), str(given.indicators), str(given.megabytes)], check=True)
    made.touch()
logs = sorted(str(path) for path in (folder / "logs").iterdir())
size = sum(os.path.getsize(path) for path in logs)
for path in logs:
    Path(path).read_bytes()
print(f"{given.indicators} indicators, {size / 1e6:.0f} MB of logs\n")
print("| what | CPU-seconds | elapsed | resident, MB | |")
print("|---|---|---|---|---|")

big, small = str(folder / "big.hunt"), str(folder / "small.hunt")
row("`hunt index`", cpu([COMITY, "hunt", "index", "-o", big, str(folder / "indicators.csv")], 1), f"{os.path.getsize(big) / 1e6:.0f} MB")
with open(folder / "indicators.csv") as whole, open(folder / "small.csv", "w") as part:
    for _ in range(10_001):
        part.write(whole.readline())
cpu([COMITY, "hunt", "index", "-o", small, str(folder / "small.csv")], 1)
row("open it, hunt in an empty log", cpu([COMITY, "hunt", "run", "--index", big, "/dev/null"]))
wc = cpu(["wc", "-l", *logs])
row("`wc -l`", wc)
KEY = ("line", "offset", "length", "type", "indicator", "value")
key = lambda one: tuple(one[name] for name in KEY) + (os.path.basename(one["file"]).removesuffix(".zst").removesuffix(".gz"),)
truth = {key(json.loads(line)) for line in open(folder / "truth.ndjson")}


def hunt(name, files, threads=1, times=3):
    """CPU of a hunt for all indicators, whose hits must be those that were planted."""
    out = str(folder / "found.ndjson")
    figures = cpu([COMITY, "hunt", "run", "--threads", str(threads), "--index", big, "-o", out, *files], times)
    found = [key(json.loads(line)) for line in open(out)]
    missed, false = len(truth - set(found)), len(set(found) - truth)
    print(f"| {name}: planted {len(truth)}, missed {missed}, false {false}, twice {len(found) - len(set(found))} | | | | |")
    if missed or false or len(found) != len(truth):
        sys.exit("the hits are not what was planted")
    return figures


ours = hunt("one thread", logs, times=5)
row("`hunt run`, one thread", ours, f"{ours[0] / wc[0]:.1f} times `wc -l`")
few = cpu([COMITY, "hunt", "run", "--threads", "1", "--index", small, *logs], 5)
row("the same, 10,000 indicators", few, f"{given.indicators} cost {ours[0] / few[0]:.2f} times as much")
two = hunt("two threads", logs, threads=2, times=5)
row("two threads", two, f"{ours[1] / two[1]:.2f} times as fast")
for tool, suffix, pack in [("zstd", ".zst", ["-q", "-f", "-3"]), ("gzip", ".gz", ["-k", "-f", "-6"])]:
    if not shutil.which(tool):
        print(f"| {tool} is not installed | | | | |")
        continue
    packed = folder / ("packed" + suffix)
    packed.mkdir(exist_ok=True)
    for path in logs:
        to = packed / (os.path.basename(path) + suffix)
        if not to.exists():
            with open(to, "wb") as out, open(path, "rb") as whole:
                subprocess.run([tool, "-c", *[flag for flag in pack if flag not in ("-k", "-f")]], stdin=whole, stdout=out, check=True)
    files = sorted(str(path) for path in packed.iterdir())
    plain = cpu([tool, "-dc", *files])
    row(f"`{tool} -dc`", plain)
    unpacked = hunt(suffix, files)
    row(f"`hunt run` on {suffix}", unpacked, f"{unpacked[0] / plain[0]:.2f} times")

if not given.peers:
    sys.exit()

values = [line.rstrip("\n").split(",", 1)[1].removeprefix("http://") for line in open(folder / "indicators.csv")][1:]
for count in (1_000, 10_000):
    (folder / "words").write_text("\n".join(values[:count]) + "\n")
    with open(folder / "one.csv", "w") as part:
        part.write("value\n" + "".join(f"{value}\n" for value in values[:1]))
    for tool, command in [("grep", ["grep", "-c", "-F", "-f"]), ("rg", ["rg", "-c", "-F", "--no-mmap", "-j1", "-f"])]:
        if shutil.which(tool):
            row(f"`{tool} -F`, {count} literals", cpu([*command, str(folder / "words"), *logs], 1))
        else:
            print(f"| {tool} is not installed | | | | |")


def in_python(name, code, *arguments):
    """CPU of a piece of Python, which prints what of it is to be counted."""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        print(f"| {name}: {done.stderr.strip().splitlines()[-1] if done.stderr else 'ended'} | | | | |")
        return None
    figures = [float(figure) for figure in done.stdout.split()]
    row(name, figures)
    return figures[0]


HYPERSCAN = """
import resource, sys, time, hyperscan
folder, count = sys.argv[1], int(sys.argv[2])
values = [line.rstrip("\\n").split(",", 1)[1].removeprefix("http://").encode() for line in open(folder + "/indicators.csv")][1:count + 1]
database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
database.compile(expressions=values, ids=list(range(len(values))), literal=True, flags=hyperscan.HS_FLAG_CASELESS)
used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
texts = [open(path, "rb").read() for path in sys.argv[3:]]
before, start, hits = used(), time.monotonic(), 0
def hit(*_):
    global hits
    hits += 1
for text in texts:
    database.scan(text, match_event_handler=hit)
print(used() - before, time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
DUCKDB = """
import resource, sys, time, duckdb
folder = sys.argv[1]
connection = duckdb.connect()
connection.execute("SET threads = 1")
connection.execute("SET enable_progress_bar = false")
connection.execute("CREATE TABLE wanted AS SELECT replace(value, 'http://', '') AS value FROM read_csv(?)", [folder + "/indicators.csv"])
used = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
before, start = used(), time.monotonic()
for path in sys.argv[2:]:
    connection.execute(r"SELECT count(*) FROM (SELECT unnest(regexp_extract_all(line, '[A-Za-z0-9._-]+')) AS token FROM read_csv(?, columns = {'line': 'VARCHAR'}, delim = chr(1), quote = '', escape = '', header = false, strict_mode = false, max_line_size = 10000000)) JOIN wanted ON value = token", [path]).fetchall()
print(used() - before, time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
ours_1m = str(folder / "million.hunt")
with open(folder / "indicators.csv") as whole, open(folder / "million.csv", "w") as part:
    for _ in range(1_000_001):
        part.write(whole.readline())
cpu([COMITY, "hunt", "index", "-o", ours_1m, str(folder / "million.csv")], 1)
million = cpu([COMITY, "hunt", "run", "--threads", "1", "--index", ours_1m, *logs], 3)
row("`hunt run`, a million indicators", million)
for count in (100_000, 1_000_000):
    figure = in_python(f"hyperscan literals, {count}, the scan alone", HYPERSCAN, folder, count, *logs)
    if figure and count == 1_000_000:
        print(f"| hyperscan to `hunt run` at a million | {figure / million[0]:.1f} times | | | |")
figure = in_python("DuckDB, tokens joined with all indicators, the queries alone", DUCKDB, folder, *logs)
if figure:
    print(f"| DuckDB to `hunt run` | {figure / ours[0]:.1f} times | | | |")
