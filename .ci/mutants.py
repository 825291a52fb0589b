"""Puts faults back into the commit protocol, one at a time, and expects the short
simulation to fail by each: so it would notice them.

    mutants.py [NAME...]
"""

import json
import os
import subprocess
import sys
import tempfile

PACKAGE = "internal/pipeline"
SCHEDULES = "12000"

# name: (file, what stands there, what the fault makes of it)
MUTANTS = {
    "files do not name their state": (
        "publish.go",
        'return map[string]string{"sluice.identity": identity, "sluice.replaces": w.replaces(i)}',
        "return nil"),
    "files do not name what they replace": (
        "publish.go",
        '"sluice.replaces": w.replaces(i)}',
        '"sluice.replaces": ""}'),
    "the account is written blindly": (
        "publish.go",
        "etag, err := w.p.Ledger.Put(ctx, w.entry, store.IfMatch(w.etag))",
        "etag, err := w.p.Ledger.Put(ctx, w.entry, store.Unconditional())"),
    "the revision is not raised": (
        "../ledger/ledger.go",
        "e.Revision++",
        "_ = e.Revision"),
    "a second deletion is settled by the first": (
        "publish.go",
        "s.Identity == ledger.Absent || w.p.Redo",
        "w.p.Redo"),
    "a second deletion is carried by the output of the first": (
        "publish.go",
        "w.state.Identity != ledger.Absent &&",
        ""),
    "names are claimed blindly": (
        "attempt.go",
        "store.IfNoneMatch())",
        "store.Unconditional())"),
    "outputs are published blindly": (
        "publish.go",
        "p = store.IfMatch(f.etag)",
        "p = store.Unconditional()"),
    "a state without rows is not published": (
        "publish.go",
        "if all := stats.RecordsQuarantined; all > 0 && all == stats.RecordsRead {",
        "if all := stats.RecordsQuarantined; all == stats.RecordsRead {"),
    "the sink is not compared": (
        "audit.go",
        "return r.Outputs == a.sink.sum(r.ID.Short())",
        "return true"),
    "torn tables are not noticed": (
        "places.go",
        "return o.Identity != lead.Identity",
        "return false"),
    "lost outputs are not remembered": (
        "keep.go",
        "out.Identity = shown",
        'out.Identity = ""'),
    "what a torn table should show is forgotten with the mapping": (
        "keep.go",
        "out.Identity = shown",
        "out.Identity = w.known[i].Identity"),
    "what a damaged output tells of itself is forgotten": (
        "keep.go",
        'f.damaged, out.Identity = true, ""',
        'f.identity, out.Identity = "", ""'),
    "what stands in an earlier sink is not made in the new one": (
        "keep.go",
        "return out.Identity, true",
        'return "", true'),
    "tables are not made from a version": (
        "keep.go",
        "return older.commit(ctx, outs)",
        "return nil"),
    "what nobody names keeps its rows": (
        "empty.go",
        "if !looked || !out.HasRows() {",
        "if looked || !out.HasRows() {"),
    "a deletion that is to remove rows keeps them": (
        "attempt.go",
        "if state.Identity == ledger.Absent && !p.RemoveDeleted {",
        "if state.Identity == ledger.Absent {"),
    "tables are looked at in the order of their publication": (
        "attempt.go",
        "range slices.Backward(c.entry.Outputs) {",
        "range slices.All(c.entry.Outputs) {"),
    "the account does not tell the columns": (
        "publish.go",
        "w.p.columns(i), o.sum()",
        "out.Columns, o.sum()"),
    "the account tells of the bytes it would have written": (
        "publish.go",
        "w.state.BytesWritten = outs.bytes()",
        "_ = outs.bytes()"),
}


def swapped(text):
    """The source is read before the fence."""
    fence, opened, after = "\tfences, err := p.fence(ctx, c)\n", "\tobject, state, err := p.open(ctx, src, key)\n", "\tdefer object.Close()\n"
    begin, middle, end = text.index(fence), text.index(opened), text.index(after)
    return text[:begin] + text[middle:end] + after + text[begin:middle] + text[end + len(after):]


SOUND = "the code as it is"


def build(root, folder, name):
    """The tests of the package with the fault, as a program."""
    if name == SOUND:
        file = "attempt.go"
        with open(os.path.join(root, PACKAGE, file)) as f:
            mutated = f.read()
    elif name == "the source is read before the fence":
        file = "attempt.go"
        with open(os.path.join(root, PACKAGE, file)) as f:
            mutated = swapped(f.read())
    else:
        file, old, new = MUTANTS[name]
        with open(os.path.join(root, PACKAGE, file)) as f:
            text = f.read()
        if text.count(old) != 1:
            raise SystemExit(f"{name}: {file} has {text.count(old)} times: {old}")
        mutated = text.replace(old, new)
    path = os.path.join(folder, os.path.basename(file))
    with open(path, "w") as f:
        f.write(mutated)
    overlay = os.path.join(folder, "overlay.json")
    with open(overlay, "w") as f:
        json.dump({"Replace": {os.path.normpath(os.path.join(root, PACKAGE, file)): path}}, f)
    built = subprocess.run(["go", "test", "-overlay", overlay, "-vet=off", "-c", "-o", os.path.join(folder, "test"), "./" + PACKAGE], cwd=root, capture_output=True, text=True)
    if built.returncode:
        raise SystemExit(f"{name} does not build: {built.stderr}")
    return os.path.join(folder, "test")


def survives(root, folder, name):
    test = build(root, folder, name)
    done = subprocess.run([test, "-test.run", "^TestSimulation$", "-schedules", SCHEDULES], cwd=os.path.join(root, PACKAGE), capture_output=True, text=True)
    if done.returncode and "seed" not in done.stdout:
        raise SystemExit(f"{name} fails otherwise: {done.stdout}{done.stderr}")
    first = next((line.strip() for line in done.stdout.splitlines() if "seed" in line), "survives")
    print(f"{name}: {first[:140]}", flush=True)
    return done.returncode == 0


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    names = sys.argv[1:] or [*MUTANTS, "the source is read before the fence"]
    with tempfile.TemporaryDirectory() as folder:
        # A simulation that fails anyway would seem to notice everything.
        if not survives(root, folder, SOUND):
            raise SystemExit("the simulation fails without a fault")
        left = [name for name in names if survives(root, folder, name)]
    if left:
        raise SystemExit(f"the simulation does not notice: {'; '.join(left)}")
    print(f"{len(names)} faults, each noticed")


if __name__ == "__main__":
    main()
