"""Runs commands under measure.py, and makes what they need: binaries, inputs."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys

from plan import DATA, HERE, PEERS, ROOT

BIN = os.path.join(DATA, "bin")
# In memory where there is such a folder: what a disk makes of flushes (sluice
# does them, some peers do not) is noise.
OUT = f"/dev/shm/sluice-bench-{os.getpid()}" if os.access("/dev/shm", os.W_OK) else os.path.join(DATA, "out")
LOG = os.path.join(DATA, "log")
SLUICE = os.path.join(BIN, "sluice")
GEN = os.path.join(BIN, "gen")


class Failed(Exception):
    """A command that could not be run, or did not end well."""


def build(peers):
    """Builds sluice and the generator, which must succeed, and the Go peers;
    says why which of the latter could not be built."""
    os.makedirs(BIN, exist_ok=True)
    subprocess.run(["go", "build", "-o", BIN, "./cmd/sluice", "./bench/gen"], cwd=ROOT, check=True)
    missing = {}
    for version, experiment in (("v1", ""), ("v2", "jsonv2")):
        names = [p for p in peers if PEERS[p].binary == version]
        if names:
            made = subprocess.run(["go", "build", "-o", os.path.join(BIN, f"peers-{version}"), "."], cwd=os.path.join(HERE, "peers"),
                                  env=os.environ | {"GOEXPERIMENT": experiment}, capture_output=True, text=True)
            if made.returncode:
                missing |= dict.fromkeys(names, "go build: " + last_line(made.stderr))
    return missing


def installed(packages):
    """The versions of the peers whose package can be imported, and why the others cannot."""
    versions, missing = {}, {}
    for name, package in packages.items():
        p = subprocess.run([sys.executable, "-c", f"import {package} as p, importlib.metadata as m; print(m.version('{package}'))"],
                           capture_output=True, text=True)
        if p.returncode:
            missing[name] = last_line(p.stderr)
        else:
            versions[name] = last_line(p.stdout)
    if "pyspark" in versions and not shutil.which("java"):
        missing["pyspark"] = "no java on PATH"
    return versions, missing


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"


def generator():
    """Identifies what makes the inputs: another generator, other inputs."""
    h = hashlib.sha256()
    for folder in (os.path.join(ROOT, "internal", "gen"), os.path.join(HERE, "gen")):
        for name in sorted(os.listdir(folder)):
            if name.endswith(".go") and not name.endswith("_test.go"):
                with open(os.path.join(folder, name), "rb") as f:
                    h.update(f.read())
    return h.hexdigest()


def generate(i):
    """Makes an input once; gives the generator's counts."""
    note = i.path + ".meta"
    version = generator()
    if os.path.exists(note) and os.path.exists(i.path):
        with open(note) as f:
            made = json.load(f)
        if made["generator"] == version:
            return made
    print(f"  makes {os.path.relpath(i.path)}", flush=True)
    p = subprocess.run(gen_command(i.kind, i.form, i.mb, i.path, i.orders), capture_output=True, text=True)
    if p.returncode:
        raise Failed(f"generate {i.name}: {last_line(p.stderr)}")
    made = json.loads(p.stderr) | {"generator": version, "size": os.path.getsize(i.path)}
    with open(note, "w") as f:
        json.dump(made, f)
    return made


def gen_command(kind, form, mb, output, orders=0):
    kind, _, trap = kind.partition(".")
    command = [GEN, "-kind", kind, "-trap", trap, "-form", "array" if form == "array" else "ndjson", "-mb", str(mb), "-orders", str(orders), "-o", output]
    return command + ["-gzip"] if form == "gzip" else command


def warm(path):
    """Reads a file once, so that no run is the one that finds it on disk."""
    with open(path, "rb", buffering=0) as f:
        while f.read(1 << 22):
            pass


def sluice_command(source, output, shape, codec, threads):
    mapping = ["-m", os.path.join(HERE, "shopify.yaml")] if shape == "shopify" else []
    return [SLUICE, "convert", source, "-o", output, "--codec", codec, "--threads", str(threads), "--report", "json", *mapping]


def peer_command(peer, i, output, codec, threads):
    if peer.binary:
        return [os.path.join(BIN, f"peers-{peer.binary}"), "-form", i.layout, "-writer", peer.writer, "-codec", codec, i.path, output]
    return [sys.executable, os.path.join(HERE, "peers", peer.script), i.path, output,
            "--form", i.layout, "--shape", i.shape, "--codec", codec, "--threads", str(threads)]


def cpus(n):
    """The last n CPUs: the first serves most interrupts."""
    return sorted(os.sched_getaffinity(0))[-n:]


def measure(command, cores, seconds, stdin=subprocess.DEVNULL):
    """Runs a command on so many CPUs and gives what it cost."""
    p = subprocess.run([sys.executable, "-I", "-S", os.path.join(HERE, "measure.py"), str(seconds), ",".join(map(str, cpus(cores))), LOG, *command],
                       stdin=stdin, capture_output=True, text=True)
    if p.returncode:
        raise Failed(f"{os.path.basename(command[0])}: {last_line(p.stderr)}")
    cost = json.loads(p.stdout)
    if cost.pop("late"):
        raise Failed(f"stopped after {seconds:.0f} s")
    if cost["code"]:
        with open(LOG, errors="replace") as f:
            raise Failed(f"exit code {cost['code']}: {last_line(f.read())[:200]}")
    return cost


def piped(mb, form, cores, seconds):
    """Runs sluice behind the generator: NDJSON through standard input, an
    array through a named pipe."""
    output = fresh("alone.parquet")
    if form == "ndjson":
        feed = subprocess.Popen(gen_command("shop", form, mb, "-"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        source, stdin = "-", feed.stdout
    else:
        source, stdin = fresh("alone.json"), subprocess.DEVNULL
        os.mkfifo(source)
        feed = subprocess.Popen(gen_command("shop", form, mb, source), stderr=subprocess.DEVNULL)
    try:
        return measure(sluice_command(source, output, "orders", "zstd", cores), cores, seconds, stdin)
    finally:
        if feed.stdout:
            feed.stdout.close()
        feed.kill()
        feed.wait()
        remove(output)
        if form != "ndjson":
            remove(source)


def fresh(name):
    os.makedirs(OUT, exist_ok=True)
    path = os.path.join(OUT, name)
    remove(path)
    return path


def remove(path):
    with contextlib.suppress(FileNotFoundError):
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def size(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(path, n)) for n in os.listdir(path) if n.endswith(".parquet"))


def equal(how, ours, theirs, seconds):
    """The verdict of equal.py, which DuckDB gives."""
    try:
        p = subprocess.run([sys.executable, os.path.join(HERE, "equal.py"), how, ours, theirs], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"comparing rows took more than {seconds:.0f} s")
    if p.returncode:
        raise Failed("comparing rows: " + last_line(p.stderr))
    return json.loads(p.stdout)


def sha256(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()
