package upkeep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/tablefiles"
	"sluice/internal/tables"
)

// mostTries is how often something is made anew because others were faster.
const mostTries = 5

// CompactOptions say how Compact writes.
type CompactOptions struct {
	Target    int64 // bytes of a data file; 0: 256 MiB
	Codec     string
	PartBytes int64 // as in [tablefiles.Options]
}

// Compacted is what Compact did. Its JSON names are a contract.
type Compacted struct {
	Table     string `json:"table"`
	Snapshots int    `json:"snapshots"`
	Before    int    `json:"data_files_before"` // that were put together
	After     int    `json:"data_files_after"`  // that have their rows now
	Rows      int64  `json:"rows"`
	// Unread are files that stay as they are: others wrote them in a form that is not
	// read.
	Unread int `json:"data_files_unread"`
}

const (
	usualTarget = 256 << 20
	smallPart   = 3  // a file below this part of the target is small
	maskedPart  = 10 // a file with this part of its rows masked is written again

	// A snapshot has files of this many bytes at most, or one group: what others change
	// meanwhile is made anew.
	snapshotBytes = 1 << 30
	snapshotFiles = 10_000
)

// Compact puts small data files of a partition together, and leaves out rows that do not
// count. Readers see the same rows. Each snapshot is committed as a batch is: if others
// changed rows of its files meanwhile, it is made anew.
//
// Memory is that of a batch of objects, and what [tables.Live] knows of files.
func Compact(ctx context.Context, t *tables.Table, o CompactOptions) (*Compacted, error) {
	if o.Target == 0 {
		o.Target = usualTarget
	}
	c := &compaction{t: t, o: o, live: tables.NewLive(t.Files), Compacted: Compacted{Table: t.Name}}
	if err := c.run(ctx); err != nil {
		return &c.Compacted, fmt.Errorf("compact table %s: %w", t.Name, err)
	}
	return &c.Compacted, nil
}

type compaction struct {
	Compacted
	t    *tables.Table
	o    CompactOptions
	live *tables.Live
}

func (c *compaction) run(ctx context.Context) error {
	h, err := c.t.Load(ctx)
	if err != nil {
		return err
	}
	files, err := c.live.Files(ctx, h)
	if err != nil {
		return err
	}
	groups := c.groups(files, fmt.Sprint(h.Metadata().SpecID))
	for len(groups) > 0 {
		n, files, bytes := 0, 0, int64(0)
		for n < len(groups) && (n == 0 || bytes < snapshotBytes && files < snapshotFiles) {
			for _, f := range groups[n] {
				files++
				bytes += f.Bytes
			}
			n++
		}
		if h, err = c.rewrite(ctx, h, groups[:n]); err != nil {
			return err
		}
		groups = groups[n:]
	}
	return nil
}

// groups are files that become one, or fewer: those of a partition that are small or have
// many masked rows, up to a few times the target. Files of another partition spec than
// the current one are a group, as they get the current one.
func (c *compaction) groups(files []tables.LiveFile, spec string) (groups [][]tables.LiveFile) {
	files = slices.Clone(files)
	for i := range files {
		if isOf(&files[i], spec) {
			continue
		}
		files[i].Partition = otherSpec
	}
	slices.SortStableFunc(files, func(a, b tables.LiveFile) int { return strings.Compare(a.Partition, b.Partition) })
	var group []tables.LiveFile
	bytes := int64(0)
	end := func() {
		if len(group) > 1 || len(group) == 1 && (c.isMasked(&group[0]) || group[0].Partition == otherSpec) {
			groups = append(groups, group)
		}
		group, bytes = nil, 0
	}
	for _, f := range files {
		if !c.isSmall(&f) && !c.isMasked(&f) {
			continue
		}
		if len(group) > 0 && (group[0].Partition != f.Partition || bytes >= 4*c.o.Target || len(group) == snapshotFiles) {
			end()
		}
		group = append(group, f)
		bytes += f.Bytes
	}
	end()
	return groups
}

const otherSpec = ""

// isOf reports whether a file follows a partition spec.
func isOf(f *tables.LiveFile, spec string) bool {
	of, _, _ := strings.Cut(f.Partition, " ")
	return of == spec
}

func (c *compaction) isSmall(f *tables.LiveFile) bool { return f.Bytes*smallPart < c.o.Target }

func (c *compaction) isMasked(f *tables.LiveFile) bool {
	return len(f.Masked) > 0 && (f.Rows-f.Live())*maskedPart >= f.Rows
}

// rewrite writes the files of groups again, in one snapshot on a head.
func (c *compaction) rewrite(ctx context.Context, h *tables.Head, groups [][]tables.LiveFile) (*tables.Head, error) {
	for try := 0; ; try++ {
		live, err := c.live.Files(ctx, h)
		if err != nil {
			return nil, err
		}
		now := make(map[string]*tables.LiveFile, len(live))
		for i := range live {
			now[live[i].Key] = &live[i]
		}
		r := &tables.Rewrite{ID: tables.NewBatchID(), Live: c.live}
		unread := 0
		if r.Add, r.Drop, unread, err = c.write(ctx, h, groups, now, r.ID); err != nil {
			return nil, err
		}
		if len(r.Drop) == 0 {
			c.Unread += unread
			return h, nil
		}
		next, err := c.t.Rewrite(ctx, h, r)
		if err == nil {
			c.Snapshots++
			c.Before += len(r.Drop)
			c.After += len(r.Add)
			c.Unread += unread
			for i := range r.Add {
				c.Rows += r.Add[i].Rows
			}
			return next, nil
		}
		if !errors.Is(err, tables.ErrMoved) || try == mostTries {
			return nil, err
		}
		if h, err = c.t.Load(ctx); err != nil {
			return nil, err
		}
	}
}

// write copies the rows of files that are live now into new ones.
func (c *compaction) write(ctx context.Context, h *tables.Head, groups [][]tables.LiveFile, now map[string]*tables.LiveFile, id string) (add []iceberg.SpecFile, drop []tables.LiveFile, unread int, err error) {
	m := h.Metadata()
	columns, err := columnsOf(m.CurrentSchema())
	if err != nil {
		return nil, nil, 0, err
	}
	w, err := tablefiles.New(ctx, tablefiles.Options{
		Files: c.t.Files, Folder: c.t.Folder + "data/", Batch: id, Time: c.t.Now().UTC(), Columns: columns, Levels: make([]int, len(columns)),
		Spec: m.Spec(m.SpecID), Codec: c.o.Codec, CreatedBy: c.t.CreatedBy, TargetBytes: c.o.Target, PartBytes: c.o.PartBytes,
		KeyValues: map[string]string{"sluice.table": c.t.Name},
	})
	if err != nil {
		return nil, nil, 0, err
	}
	defer func() { _ = w.Abort(ctx) }() // what cannot be removed is named by nobody
	to := newCopier(columns, func(b *batch.Batch) error {
		_, err := w.Append(ctx, b)
		return err
	})
	for _, group := range groups {
		for _, f := range group {
			f := now[f.Key]
			if f == nil {
				continue // others took it away
			}
			from, err := to.open(ctx, c.t.Files.Store, f)
			if errors.Is(err, errUnread) {
				unread++
				continue
			}
			if err == nil {
				err = to.rows(from, f, nil)
			}
			if err != nil {
				return nil, nil, 0, fmt.Errorf("read data file %s: %w", f.Key, err)
			}
			drop = append(drop, *f)
		}
	}
	if len(drop) == 1 && !c.isMasked(&drop[0]) && isOf(&drop[0], fmt.Sprint(m.SpecID)) {
		return nil, nil, unread, nil // the others are gone, or are not read
	}
	if err := to.end(); err != nil {
		return nil, nil, 0, err
	}
	add, err = w.Close(ctx)
	return add, drop, unread, err
}
