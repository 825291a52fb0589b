package runs

import (
	"context"
	"fmt"
	"slices"
)

// merge makes one run of the runs of a level, where there are enough. Those of a level
// stand beside one another, the newer levels first.
func (w *runWriter) merge(ctx context.Context, files []Info) ([]Info, error) {
	for {
		from, to := due(files)
		if to == 0 {
			return files, nil
		}
		merged, err := w.merged(ctx, files[from:to], files[from].Level+1)
		if err != nil {
			return nil, err
		}
		files = slices.Concat(files[:from], merged, files[to:])
	}
}

// merged writes a run with the entries of runs.
func (w *runWriter) merged(ctx context.Context, old []Info, level int) ([]Info, error) {
	return w.run(ctx, level, func(add adder) error {
		return w.files.scan(ctx, old, colCount, func(c *cursor) error {
			return add(func(w *Writer) error { return w.copy(c.key, c.entries, c.row) })
		})
	})
}

// due are the files of the runs that a merge takes: from is below to if there are some. If
// those of a level are too large together, the oldest of them that are not become one: so
// the number of runs is bounded by the size of the ledger, too.
func due(files []Info) (from, to int) {
	for runs := spans(files); len(runs) > 0; {
		n := 1
		for n < len(runs) && runs[n].level == runs[0].level {
			n++
		}
		if n >= mergeRuns {
			bytes, oldest := int64(0), n
			for oldest > 0 && bytes+runs[oldest-1].bytes < mergeBytes {
				oldest--
				bytes += runs[oldest].bytes
			}
			if n-oldest > 1 {
				return runs[oldest].from, runs[n-1].to
			}
		}
		runs = runs[n:]
	}
	return 0, 0
}

// Large merges: those of commits end at mergeBytes.

// MergeDue are the files of the runs of a root that are worth a merge of any size, and how
// many runs that is; none if it is 0. What commits merge soon, the lowest level, is left to
// them. A run is taken along if it has at most twice the bytes of the newer ones that are:
// so a key is written again a number of times that grows with the logarithm of the ledger,
// and so does the number of runs that are left.
func (r *Root) MergeDue() (files []Info, runs int) {
	all := spans(r.Runs)
	for len(all) > 0 && all[0].level == 0 {
		all = all[1:]
	}
	bytes := int64(0)
	for i, s := range all {
		if i > 0 && s.bytes <= 2*bytes {
			runs = i + 1
		}
		bytes += s.bytes
	}
	if runs == 0 {
		return nil, 0
	}
	return r.Runs[all[0].from:all[runs-1].to], runs
}

// Merge writes one run of runs that stand beside one another in a root. Nothing names it
// before [Files.Splice] does.
func (f Files) Merge(ctx context.Context, old []Info, sequence int64, batch, createdBy string) ([]Info, error) {
	w := &runWriter{files: f, sequence: sequence, batch: batch, createdBy: createdBy}
	merged, err := w.merged(ctx, old, old[len(old)-1].Level)
	if err != nil {
		return nil, fmt.Errorf("merge ledger runs: %w", err)
	}
	return merged, nil
}

// Splice writes a root that has a merged run in the place of those that it was made of;
// ok is false if root does not have these any more.
func (f Files) Splice(ctx context.Context, root *Root, old, merged []Info, table string, sequence int64, batch string) (next *Root, name string, ok bool, err error) {
	at := slices.IndexFunc(root.Runs, func(r Info) bool { return r.Name == old[0].Name })
	if at < 0 || len(root.Runs) < at+len(old) || !slices.EqualFunc(root.Runs[at:at+len(old)], old, func(a, b Info) bool { return a.Name == b.Name }) {
		return nil, "", false, nil
	}
	next = &Root{Version: Version, Table: table, Sequence: sequence, Rows: root.Rows, Rebuilt: root.Rebuilt, Runs: slices.Concat(root.Runs[:at], merged, root.Runs[at+len(old):])}
	next.count()
	if name, err = f.write(ctx, next, batch); err != nil {
		return nil, "", true, fmt.Errorf("write ledger root: %w", err)
	}
	return next, name, true, nil
}
