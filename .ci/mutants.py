"""Puts faults back into the commit protocols, one at a time, and expects the short
tests of each to fail by them: so it would notice them.

    mutants.py [NAME...]
"""

import json
import os
import subprocess
import sys
import tempfile

# Of the outputs of single objects. name: (file, what stands there, what the fault
# makes of it)
OBJECTS = {
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


# Of tables, with many objects in a snapshot. The model of the protocol, which came before
# the code, has faults with short names; they stand behind those that are the same.
TABLES = {
    "what landed is committed again": (
        "commit.go",
        "\t\tif landed {\n\t\t\tc.Head = loaded\n\t\t\treturn c, nil\n\t\t}",
        "\t\t_ = landed"),
    "a commit is sent again without comparing the entries": (  # replay
        "commit.go",
        "landed, err := b.compare(ctx, loaded, rebuilt)",
        "landed, err, _ := false, error(nil), rebuilt"),
    "files of a commit without a reply are removed, and the batch begins again": (  # clean-up
        "commit.go",
        "\t\tif try == mostTries || ctx.Err() != nil {\n\t\t\treturn c, err",
        "\t\tif !errors.Is(err, iceberg.ErrConflict) {\n"
        "\t\t\tfor i := range b.Files {\n\t\t\t\tif key, err := t.Files.Key(b.Files[i].Path); err == nil {\n\t\t\t\t\t_ = t.Files.Store.Delete(ctx, key)\n\t\t\t\t}\n\t\t\t}\n"
        "\t\t\treturn c, ErrOvertaken\n\t\t}\n\t\tif try == mostTries || ctx.Err() != nil {\n\t\t\treturn c, err"),
    "a state without rows is not recorded": (  # skip-zero
        "commit.go",
        "\tif len(b.Changes) == 0 {\n\t\treturn Committed{Head: h}, nil\n\t}\n",
        "\tsome := *b\n\tsome.Changes = slices.DeleteFunc(slices.Clone(b.Changes), func(c Change) bool {\n"
        "\t\treturn c.Replaces && c.After.Shown.Rows == 0 && (c.Before == nil || c.Before.Shown.Rows == 0)\n\t})\n\tb = &some\n"
        "\tif len(b.Changes) == 0 {\n\t\treturn Committed{Head: h}, nil\n\t}\n"),
    "a batch without rows changes properties only": (  # props-only
        ("commit.go",
         "\treturn t.offer(ctx, h, m, offer{\n\t\tbatch: b.ID",
         "\tif len(b.Files)+len(masks)+len(drop) == 0 {\n"
         "\t\tnext, err := t.Catalog.Commit(ctx, h.table, iceberg.Change{Properties: map[string]string{rootName: name, rootSequence: strconv.FormatInt(sequence, 10)}})\n"
         "\t\tif err != nil {\n\t\t\treturn nil, err\n\t\t}\n"
         "\t\treturn h.next(next, root), nil\n\t}\n"
         "\treturn t.offer(ctx, h, m, offer{\n\t\tbatch: b.ID"),
        ("head.go",
         "\toldest := int64(0)",
         "\tif n, err := strconv.ParseInt(m.Properties[rootSequence], 10, 64); err == nil && (m.Head() == nil || n > m.Head().Sequence) {\n"
         "\t\treturn m.Properties[rootName], nil\n\t}\n\toldest := int64(0)")),
    "a batch goes on over another": (
        "commit.go",
        "return false, ErrOvertaken",
        "return false, nil"),
    "a commit without a reply counts as landed": (  # unknown-is-ok
        "commit.go",
        "\t\tif try == mostTries || ctx.Err() != nil {\n\t\t\treturn c, err",
        "\t\tif errors.Is(err, context.DeadlineExceeded) {\n\t\t\tc.Head = h\n\t\t\treturn c, nil\n\t\t}\n\t\tif try == mostTries || ctx.Err() != nil {\n\t\t\treturn c, err"),
    "guessed IDs of columns are not compared": (
        "commit.go",
        "\t\tif f.ID != column.ID || ",
        "\t\tif false && f.ID != column.ID || "),
    "fences are not compared": (
        "commit.go",
        "(!there || e.Fence == c.Before.Fence)",
        "true"),
    "a batch keeps the fence of the one before": (
        "commit.go",
        "\t\te.Fence = b.ID\n",
        "\t\tif e.Fence = b.ID; c.Before != nil {\n\t\t\te.Fence = c.Before.Fence\n\t\t}\n"),
    "a version without rows keeps the older ones": (
        "commit.go",
        "if c.Replaces {",
        "if c.Replaces && (e.Shown.Rows > 0 || c.Before == nil) {"),
    "rows are found by the names of files alone": (  # by-path
        "locate.go",
        "\tif len(wanted) == 0 && !unplaced {\n\t\treturn l, nil\n\t}\n\treturn l, h.locateMoved",
        "\tif true {\n\t\treturn l, nil\n\t}\n\treturn l, h.locateMoved"),
    "rows that were moved are looked for in files after the next": (
        "locate.go",
        "if *e.Sequence >= oldest {",
        "if *e.Sequence > oldest+1 {"),
    "files whose bounds end with the key are not looked at": (
        "locate.go",
        "id <= string(high)",
        "id < string(high)"),
    "ranges beside one another are joined": (
        "locate.go",
        "last.First+last.Rows == r.First",
        "last.First+last.Rows >= r.First-1"),
    "half of the masks are written": (
        "commit.go",
        "append(slices.Clip(b.Files), masks...)",
        "append(slices.Clip(b.Files), masks[:len(masks)/2]...)"),
    "files are dropped that still have a row": (
        "commit.go",
        "m.rows == m.file.Rows",
        "m.rows >= m.file.Rows-1"),
    "sources are read before the entries": (  # fence-late
        "commit.go",
        "\tif len(b.Changes) == 0 {\n\t\treturn Committed{Head: h}, nil\n\t}\n",
        "\tif h, err = t.Load(ctx); err != nil {\n\t\treturn c, err\n\t}\n"
        "\tfor i := range b.Changes {\n\t\tfound, err := h.Look(ctx, []runs.Key{b.Changes[i].After.Key})\n\t\tif err != nil {\n\t\t\treturn c, err\n\t\t}\n"
        "\t\tb.Changes[i].Before = nil\n\t\tif e, ok := found[b.Changes[i].After.Key]; ok {\n\t\t\tb.Changes[i].Before = &e\n\t\t}\n\t}\n"),
    "a batch is made for whatever is the head": (  # snapshot-isol
        "commit.go",
        "\tm, err := change.Apply(h.Metadata(), ",
        "\th, err := t.Load(ctx)\n\tif err != nil {\n\t\treturn nil, err\n\t}\n\tm, err := change.Apply(h.Metadata(), "),
    "files of a batch that was overtaken are removed": (
        "commit.go",
        "\t\tlanded, err := b.compare(ctx, loaded, rebuilt)\n\t\tif err != nil {\n",
        "\t\tlanded, err := b.compare(ctx, loaded, rebuilt)\n\t\tif err != nil {\n"
        "\t\t\tfor i := range b.Files {\n\t\t\t\tif key, err := t.Files.Key(b.Files[i].Path); err == nil {\n\t\t\t\t\t_ = t.Files.Store.Delete(ctx, key)\n\t\t\t\t}\n\t\t\t}\n"),
    "the ledger is committed before the rows": (  # ledger-first
        "commit.go",
        "\treturn t.offer(ctx, h, m, offer{\n\t\tbatch: b.ID",
        '\tfirst, err := h.place.Snapshot(ctx, m, iceberg.Rows{Summary: map[string]string{rootName: name}}, h.folder+"metadata/", try+"-0", t.Now())\n'
        "\tif err != nil {\n\t\treturn nil, err\n\t}\n"
        "\tif h.table, err = t.Catalog.Commit(ctx, h.table, iceberg.Change{Snapshot: first}); err != nil {\n\t\treturn nil, err\n\t}\n\tm = h.table.Metadata\n"
        "\treturn t.offer(ctx, h, m, offer{\n\t\tbatch: b.ID"),
    "the rows are committed before the ledger": (  # ledger-after
        "commit.go",
        "\treturn t.offer(ctx, h, m, offer{\n\t\tbatch: b.ID",
        '\tfirst, err := h.place.Snapshot(ctx, m, iceberg.Rows{Add: append(slices.Clip(b.Files), masks...), Drop: drop}, h.folder+"metadata/", try+"-0", t.Now())\n'
        "\tif err != nil {\n\t\treturn nil, err\n\t}\n"
        "\tif h.table, err = t.Catalog.Commit(ctx, h.table, iceberg.Change{Snapshot: first}); err != nil {\n\t\treturn nil, err\n\t}\n"
        "\tm, masks, drop, b = h.table.Metadata, nil, nil, &Batch{ID: b.ID}\n"
        "\treturn t.offer(ctx, h, m, offer{\n\t\tbatch: b.ID"),
    "the table's properties do not name the ledger": (  # summary-only
        "head.go",
        "name, ok := m.Properties[rootName]",
        'name, ok := "", false'),
    "only the table's properties name the ledger": (
        "head.go",
        "\toldest := int64(0)",
        "\tif name, ok := m.Properties[rootName]; ok {\n\t\treturn name, nil\n\t}\n\toldest := int64(0)"),
    "a table that was set back has the newest ledger": (
        "head.go",
        "err != nil || sequence >= oldest",
        "err != nil || sequence < 0"),
    "rows that came back are not counted": (  # blind-compactor, which only this finds
        "head.go",
        "return max(0, t.Records-t.PositionDeletes-h.Rows())",
        "return min(0, t.Records-t.PositionDeletes-h.Rows())"),
    "rows that are missing are not counted": (
        "locate.go",
        "l.missing += max(0, s.left)",
        "_ = s.left"),
    "staged states are taken without comparing entries": (  # stage-blind
        "commit_staged.go",
        "if s.rebuilt != rebuilt || s.Fence != fenceOf(before) {",
        "if s.rebuilt != rebuilt {"),
    "of two staged states the later one counts": (  # stage-two
        "commit_staged.go",
        "if isOne {",
        "if isOne || true {"),
    "what lost its fence is dropped without a new look": (  # stage-drop
        "commit_staged.go",
        "look = look || before == nil || !isSame(&s.State, &before.State)",
        "_ = isSame"),
    "no staged state is visible if the source has none of them": (
        "commit_staged.go",
        "\treturn chosen, look || err != nil",
        "\tif chosen.State.Identity != now {\n\t\treturn nil, true, nil\n\t}\n\treturn chosen, look || err != nil"),
    "rows of staged states that do not count are not taken out of sight": (
        ("commit.go",
         "if len(b.Masks) > 0 {",
         "if false {"),),
    "rows that are out of sight are found again": (
        "locate.go",
        "!has(masked, row)",
        "(true || has(masked, row))"),
    "a batch that began before a rebuild lands": (
        "commit.go",
        "case unchanged == len(b.Changes) && h.Rebuilt() == rebuilt:",
        "case unchanged == len(b.Changes):"),
    "what was staged before a rebuild becomes visible": (
        "commit_staged.go",
        "if s.rebuilt != rebuilt || s.Fence != fenceOf(before) {",
        "if s.Fence != fenceOf(before) {"),
    "of an unknown state only so many rows are replaced as it had": (
        "locate.go",
        "all: e.Shown.Identity == runs.Unknown}",
        "all: false}"),
    "a rewrite does not look whether its files are as they were": (
        "rewrite.go",
        "\t\tif !isAsBefore(&r.Drop[i]) {",
        "\t\tif false && !isAsBefore(&r.Drop[i]) {"),
    "a rewrite takes deletes away that others need": (
        "rewrite.go",
        "\t\tif !names {",
        "\t\tif !names || true {"),
    "a rewrite that began before a rebuild lands": (
        "rewrite.go",
        "if loaded.Rebuilt() != rebuilt {",
        "if false && loaded.Rebuilt() != rebuilt {"),
    "a root in memory is taken for another": (
        "../runs/cache.go",
        "\te := c.kept[key]\n",
        "\te := c.kept[key]\n\tfor k, v := range c.kept {\n\t\tif e == nil && key[len(key)-3:] == \".gz\" && k[len(k)-3:] == \".gz\" {\n\t\t\te = v\n\t\t}\n\t}\n"),
    "only the head names the ledger": (
        "head.go",
        "\t\tif s.Parent == nil {\n\t\t\tbreak\n\t\t}\n\t\ts = m.Snapshot(*s.Parent)\n\t}",
        '\t\treturn "", nil\n\t}'),
}

# Of objects that are converted in parts.
SPLITS = {
    "a new plan takes the parts of an old one": (
        "split_part.go",
        'return s.folder + s.plan.ID[:12] + "/"',
        "return s.folder"),
    "an old plan holds": (
        "split.go",
        "s.t.Tables[0].Now().Sub(p.Made) > splitAge",
        "s.t.Tables[0].Now().Sub(p.Made) < 0"),
    "parts that do not join are taken": (
        "split_finish.go",
        "case err == nil && whole.Joins(&p.Piece, r.Until):",
        "case err == nil:"),
    "what the tables know is not compared": (
        "split.go",
        "fence != at.Fence ||",
        'fence == "?" ||'),
    "the second of two parts counts": (
        "split_part.go",
        "if err == nil && !created {",
        "if err == nil && created {"),
    "a state that others have committed is committed again": (
        "split.go",
        "if !slices.Contains(o.settled, false) {",
        "if false {"),
}



def swapped(text):
    """The source is read before the fence."""
    fence, opened, after = "\tfences, err := p.fence(ctx, c)\n", "\tobject, state, err := p.open(ctx, src, key, p.Mapping.Hash())\n", "\tdefer object.Close()\n"
    begin, middle, end = text.index(fence), text.index(opened), text.index(after)
    return text[:begin] + text[middle:end] + after + text[begin:middle] + text[end + len(after):]


SOUND = "the code as it is"
SWAPPED = "the source is read before the fence"


class Protocol:
    """A package with a simulation, and the faults that it must notice."""

    def __init__(self, package, mutants, tests, *flags):
        self.package, self.mutants, self.tests, self.flags = package, mutants, tests, flags

    def mutated(self, root, name):
        """The files with the fault, and their texts."""
        edits = [] if name in (SOUND, SWAPPED) else self.mutants[name]
        if edits and isinstance(edits[0], str):
            edits = [edits]
        texts = {}
        for file, old, new in edits:
            with open(os.path.normpath(os.path.join(root, self.package, file))) as f:
                text = f.read()
            if text.count(old) != 1:
                raise SystemExit(f"{name}: {file} has {text.count(old)} times: {old}")
            texts[file] = text.replace(old, new)
        if name == SWAPPED:
            with open(os.path.join(root, self.package, "attempt.go")) as f:
                texts["attempt.go"] = swapped(f.read())
        return texts

    def build(self, root, folder, name):
        """The tests of the package with the fault, as a program."""
        replace = {}
        for file, text in self.mutated(root, name).items():
            path = os.path.join(folder, os.path.basename(file))
            with open(path, "w") as f:
                f.write(text)
            replace[os.path.normpath(os.path.join(root, self.package, file))] = path
        overlay = os.path.join(folder, "overlay.json")
        with open(overlay, "w") as f:
            json.dump({"Replace": replace}, f)
        test = os.path.join(folder, "test")
        built = subprocess.run(["go", "test", "-overlay", overlay, "-vet=off", "-c", "-o", test, "./" + self.package], cwd=root, capture_output=True, text=True)
        if built.returncode:
            raise SystemExit(f"{name} does not build: {built.stderr}")
        return test

    def survives(self, root, folder, name):
        test = self.build(root, folder, name)
        done = subprocess.run([test, "-test.run", f"^({self.tests})$", *self.flags], cwd=os.path.join(root, self.package), capture_output=True, text=True, errors="replace")
        if done.returncode and "--- FAIL" not in done.stdout:
            raise SystemExit(f"{name} fails otherwise: {done.stdout}{done.stderr}")
        first = next((line.strip() for line in done.stdout.splitlines() if "_test.go:" in line), "survives")
        print(f"{name}: {first[:140]}", flush=True)
        return done.returncode == 0


OBJECT_PROTOCOL = Protocol("internal/pipeline", OBJECTS, "TestSimulation", "-schedules", "12000")
TABLE_PROTOCOL = Protocol("internal/tables", TABLES, "TestSimulation|TestInterleavings|TestModelCases|TestCounts|TestOvertaken\\w*|TestPartlyMoved|TestColumnsOfBatches|TestStaged\\w*|TestUnknownRows|TestRebuil\\w*|TestRewriteKeepsDeletes|TestRewriteMoved", "-test.short")
SPLIT_PROTOCOL = Protocol("internal/pipeline", SPLITS, "TestSplitChanged|TestSplitTooOld|TestSplitReadAgain|TestSplitKilled", "-test.short")


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    wanted, left, noticed = sys.argv[1:], [], 0
    for p in [OBJECT_PROTOCOL, TABLE_PROTOCOL, SPLIT_PROTOCOL]:
        names = [*p.mutants, *([SWAPPED] if p.mutants is OBJECTS else [])]
        names = [name for name in names if name in wanted or not wanted]
        with tempfile.TemporaryDirectory() as folder:
            # A simulation that fails anyway would seem to notice everything.
            if names and not p.survives(root, folder, SOUND):
                raise SystemExit(f"the simulation of {p.package} fails without a fault")
            survivors = [name for name in names if p.survives(root, folder, name)]
        left += survivors
        noticed += len(names) - len(survivors)
    if left:
        raise SystemExit(f"the simulation does not notice: {'; '.join(left)}")
    print(f"{noticed} faults, each noticed")


if __name__ == "__main__":
    main()
