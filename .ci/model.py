"""Has the real commit protocol go through walks of the exhaustive model, of each of
its cases, and compares what stands after each step (pipeline.TestModel). Walks of
a model with a fault must not be gone along.

    model.py [WALKS_PER_CASE]        default: 30

    case of the model                    test
    kinds x delete x workers x crashes   TestModel, walks of the case
    --fence-late                         TestModel refuses; mutant "the source is read before the fence"
    --claim-late                         TestModel refuses; mutant "names are claimed blindly", which only
                                         TestSimulation notices: the claim is one step of the model
    --no-tombstone                       TestModel refuses; mutant "a state without rows is not published"
    --blind-ledger                       TestModel refuses; mutant "the account is written blindly"
    --content-etag                       TestModel refuses; mutant "files do not name what they replace"

The other mutants of the table are put back too, and TestModel must notice each.
"""

import os
import random
import subprocess
import sys
import tempfile

import mutants

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = os.path.join(os.path.abspath(os.environ.get("SHARED", "../shared")), "reference", "model", "commit_model.py")
FAULTS = {
    "--fence-late": "the source is read before the fence",
    "--claim-late": None,
    "--no-tombstone": "a state without rows is not published",
    "--blind-ledger": "the account is written blindly",
    "--content-etag": "files do not name what they replace",
}
NEAR = 30000  # states that are looked at for a broken promise


def load():
    """The model's functions, made to give the steps from one state. In three things
    the code does more than the model did: a deletion is done anew each time, since two
    cannot be told apart; a state that stands counts as published by a worker who died
    only if it replaced what the ledger names; and what such a worker published is read
    before it is accounted for, which finds that it was replaced meanwhile."""
    with open(MODEL) as f:
        text = f.read()
    text = text[:text.index("total = wrong = 0")]
    for old, new in (
        ("def explore(kinds, workers, crashes, delete):", "def explore(kinds, workers, crashes, delete, state):"),
        ("    seen = {start};", "    start = state or start; seen = {start};"),
        ("        for n in nxt:\n            if n not in seen: seen.add(n); stack.append(n)\n", "        return start, nxt, bad\n"),
        ("if ls == s and lo == o[0]:", "if kd != 'd' and ls == s and lo == o[0]:"),
        ("elif o[1] == s:", "elif kd != 'd' and o[1] == s and lo >= o[0] - 1: go(('top', e)) if od.get(k, (0, 0)) != o else"),
        ("elif kd == \"x\" or", "elif kd == 'x' and 0 != o[0] != lo and od.get(k, (0, 0)) != o: go(('top', e))\n                elif kd == 'x' or"),
    ):
        if text.count(old) != 1:
            raise SystemExit(f"{MODEL} has {text.count(old)} times: {old}")
        text = text.replace(old, new)
    space = {}
    argv, sys.argv = sys.argv, ["model"]
    exec(compile(text, MODEL, "exec"), space)
    sys.argv = argv
    return space


def cases(space):
    for name, kinds in space["KINDS"].items():
        for delete in (False, True):
            for workers, crashes in ((2, 1), (2, 2), (3, 0)):
                if workers == 3 and len(kinds) + delete > 2:
                    continue
                yield f"{name}, delete={delete}, {workers} workers, {crashes} crashes", kinds, workers, crashes, delete


def step(before, after):
    """What happened between two states of the model, as TestModel reads it."""
    outs, ledger = dict(after[2]), after[3]
    shown = outs.get(ledger[1], (0, 0))
    stands = shown[1], shown[0], *ledger  # revision, named, seen, told
    if after[0] > before[0]:
        return "write", 0, "-", *stands
    [i] = [i for i in range(len(after[4])) if after[4][i] != before[4][i]]
    old, new = before[4][i][0], after[4][i][0]
    if after[5] < before[5]:
        do = "die"
    elif old is None:
        do = "take"
    elif old == "top" and new is None:
        do = "drop"
    else:
        do = "step"
    return do, i, new or "done", *stands


def text(case, states, fault=None):
    name, kinds, workers, _, delete = case
    head = f"walk {kinds}{'d' * delete} {workers} {str(bool(fault)).lower()}: {name}{', ' + fault if fault else ''}"
    return "\n".join([head, *(" ".join(map(str, step(a, b))) for a, b in zip(states, states[1:]))])


def sound(space, rng, case):
    """A walk to an end, at random. Some workers are slow in it."""
    _, kinds, workers, crashes, delete = case
    space["F"] = set()
    speed = [rng.choice((1, 8)) for _ in range(workers)]
    state, states = None, []
    while True:
        state, following, _ = space["explore"](kinds, workers, crashes, delete, state)
        states.append(state)
        if not following:
            return text(case, states)
        state = rng.choices(following, [1 if after[0] > state[0] or after[5] < state[5] else
                                        next(speed[i] for i in range(workers) if after[4][i] != state[4][i]) for after in following])[0]


def broken(space, rng, case, fault):
    """The way to a promise that the model with a fault breaks, if one is near."""
    _, kinds, workers, crashes, delete = case
    space["F"] = {fault}
    stack, before = [None], {}
    while stack and len(before) < NEAR:
        state, following, bad = space["explore"](kinds, workers, crashes, delete, stack.pop())
        if bad and not bad[0].startswith("ledger names another output"):  # which the sound model has too: left to the reconciler
            states = [state]
            while states[0] in before:
                states.insert(0, before[states[0]])
            return text(case, states, fault)
        rng.shuffle(following)
        for after in following:
            if after not in before:
                before[after] = state
                stack.append(after)
    return None


def replay(folder, binary, walks):
    path = os.path.join(folder, "walks.txt")
    with open(path, "w") as f:
        f.write("\n".join(walks) + "\n")
    return subprocess.run([binary, "-test.run", "^TestModel$", "-test.v", "-walks", path], cwd=os.path.join(ROOT, mutants.OBJECT_PROTOCOL.package), capture_output=True, text=True)


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    space, rng, failed = load(), random.Random(1), []
    walks = [sound(space, rng, case) for case in cases(space) for _ in range(n)]
    refused = []
    for fault in FAULTS:
        ways = [way for case in cases(space) if len(case[1]) < 3 or fault == "--content-etag" for way in [broken(space, rng, case, fault)] if way]
        if not ways:
            raise SystemExit(f"no way to a broken promise with {fault}")
        print(f"{fault}: breaks its promise in {len(ways)} cases", flush=True)
        refused += ways
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, (mutants.SOUND, *FAULTS.values())):
            binary = mutants.OBJECT_PROTOCOL.build(ROOT, folder, name)
            done = replay(folder, binary, walks + refused if name == mutants.SOUND else walks)
            said = next((line.strip() for line in done.stdout.splitlines() if "walk" in line), done.stdout + done.stderr)
            print(f"{name}: {said[:170]}", flush=True)
            if (done.returncode == 0) != (name == mutants.SOUND):
                failed.append(name)
    if failed:
        raise SystemExit(f"model and code disagree, or a fault is not noticed: {'; '.join(failed)}")


if __name__ == "__main__":
    main()
