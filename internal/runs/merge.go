package runs

import (
	"context"
	"fmt"
	"slices"
)

// Large merges: those of commits end at mergeBytes.

// MergeDue are runs of a root that are worth a merge of any size, from one before to
// another; none if both are 0. What commits merge soon, the lowest level, is left to
// them. A run is taken along if it has at most twice the bytes of the newer ones that
// are: so a key is written again a number of times that grows with the logarithm of the
// ledger.
func (r *Root) MergeDue() (from, to int) {
	for from < len(r.Runs) && r.Runs[from].Level == 0 {
		from++
	}
	bytes := int64(0)
	for i := from; i < len(r.Runs); i++ {
		if i > from && r.Runs[i].Bytes <= 2*bytes {
			to = i + 1
		}
		bytes += r.Runs[i].Bytes
	}
	if to == 0 {
		return 0, 0
	}
	return from, to
}

// Merge writes one run of runs that stand beside one another in a root. Nothing names it
// before [Files.Splice] does.
func (f Files) Merge(ctx context.Context, old []Info, sequence int64, batch, createdBy string) (Info, error) {
	name := fmt.Sprintf("run-%019d-%s-0.parquet", sequence, batch)
	info, err := f.writeRun(ctx, name, old[len(old)-1].Level, createdBy, f.mergeOf(ctx, old))
	if err != nil {
		return info, fmt.Errorf("merge ledger runs: %w", err)
	}
	return info, nil
}

// Splice writes a root that has a merged run in the place of those that it was made of;
// ok is false if root does not have these any more.
func (f Files) Splice(ctx context.Context, root *Root, old []Info, merged Info, table string, sequence int64, batch string) (next *Root, name string, ok bool, err error) {
	at := slices.IndexFunc(root.Runs, func(r Info) bool { return r.Name == old[0].Name })
	if at < 0 || len(root.Runs) < at+len(old) || !slices.EqualFunc(root.Runs[at:at+len(old)], old, func(a, b Info) bool { return a.Name == b.Name }) {
		return nil, "", false, nil
	}
	next = &Root{Version: Version, Table: table, Sequence: sequence, Rows: root.Rows, Runs: slices.Concat(root.Runs[:at], []Info{merged}, root.Runs[at+len(old):])}
	for _, r := range next.Runs {
		next.Keys += r.Keys
	}
	if name, err = f.write(ctx, next, batch); err != nil {
		return nil, "", true, fmt.Errorf("write ledger root: %w", err)
	}
	return next, name, true, nil
}
