"""Runs the console blocks of a document and compares what they print.

    python .ci/console.py [--update] FILE

Each line "$ COMMAND" of a block is run by sh, in an empty folder that has the
repository's examples; the lines below it must be its output, but for the time
and the bytes that a run of sluice prints: they depend on the machine and the
encoder. --update writes the outputs into the document.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
VARYING = re.compile(r"^  (time|bytes) .*$", re.MULTILINE)


def run(block, folder):
    shown = ""
    for command in re.findall(r"^\$ (.*)$", block, re.MULTILINE):
        done = subprocess.run(command, shell=True, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        shown += f"$ {command}\n" + done.stdout.replace("\n\n", "\n")
    # What varies stays as it is shown, if nothing else has changed.
    return block if VARYING.sub("", shown) == VARYING.sub("", block) else shown


def main(name, update):
    path = pathlib.Path(name)
    document = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(pathlib.Path("examples").resolve(), os.path.join(folder, "examples"))
        blocks = 0

        def rerun(match):
            nonlocal blocks
            blocks += 1
            return f"```console\n{run(match[1], folder)}```\n"

        now = BLOCK.sub(rerun, document)
    if blocks == 0:
        sys.exit(f"{name} has no console block")
    if now == document:
        print(f"{name}: {blocks} blocks print what they show")
    elif update:
        path.write_text(now, encoding="utf-8")
    else:
        for old, new in zip(BLOCK.findall(document), BLOCK.findall(now)):
            if old != new:
                print(f"shown:\n{old}printed:\n{new}")
        sys.exit(f"{name} does not show what its commands print")


if __name__ == "__main__":
    main(sys.argv[-1], "--update" in sys.argv)
