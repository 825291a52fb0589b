package iceberg

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Rows is what a snapshot changes in the files of a table. It may be empty: such a
// snapshot says something only with its summary.
type Rows struct {
	Add  []SpecFile          // data files and delete files
	Drop map[string]struct{} // URIs of live data files that go
	// DropDeletes are URIs of live delete files that go: no data file that stays has
	// rows that they name.
	DropDeletes map[string]struct{}
	Replace     bool // the rows that count are the same as before
	// Forget writes manifests that still name files that earlier snapshots took away once
	// more, without them: their bounds are values of rows that are gone.
	Forget bool

	Summary map[string]string // names of ours, beside the usual ones
	// MergeAt is the number of manifests of a kind from which those below MergeBytes
	// are merged; 0: never.
	MergeAt    int
	MergeBytes int64
}

// SpecFile is a new file, with the partition spec that it follows.
type SpecFile struct {
	SpecID int32
	DataFile
}

// Manifests are those of a snapshot.
func (f Files) Manifests(ctx context.Context, s *Snapshot) ([]Manifest, error) {
	if s == nil {
		return nil, nil
	}
	data, err := f.Read(ctx, s.List)
	if err != nil {
		return nil, fmt.Errorf("read manifest list of snapshot %d: %w", s.ID, err)
	}
	lines, err := readList(data)
	if err != nil {
		return nil, fmt.Errorf("read manifest list of snapshot %d: %w", s.ID, err)
	}
	return lines, nil
}

// Entries calls fn with each live file of a manifest.
func (f Files) Entries(ctx context.Context, m *Metadata, line *Manifest, fn func(*Entry) error) error {
	data, err := f.Read(ctx, line.Path)
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", line.Path, err)
	}
	if err := readManifest(m, line, data, fn); err != nil {
		return fmt.Errorf("read manifest %s: %w", line.Path, err)
	}
	return nil
}

// Gone calls fn with the URI of each file that a manifest names as taken away.
func (f Files) Gone(ctx context.Context, line *Manifest, fn func(path string)) error {
	if line.DeletedFiles == 0 {
		return nil
	}
	data, err := f.Read(ctx, line.Path)
	if err == nil {
		err = readRows(data, func(e *Entry) error {
			if e.Status == Deleted {
				fn(e.File.Path)
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("read manifest %s: %w", line.Path, err)
	}
	return nil
}

// Snapshot writes the manifests and the list of a snapshot that follows the head of
// m, and returns it. Nothing is visible before a [Change] with it is committed. folder
// is the key under which the files come, with a slash at its end; batch begins their
// names.
func (f Files) Snapshot(ctx context.Context, m *Metadata, rows Rows, folder, batch string, now time.Time) (*Snapshot, error) {
	w := &snapshotWriter{Files: f, ctx: ctx, m: m, folder: folder, batch: batch}
	s := &Snapshot{ID: newSnapshotID(), Sequence: m.LastSequence + 1, SchemaID: &m.SchemaID, Time: max(now.UnixMilli(), m.Updated.UnixMilli())}
	w.snapshot = s
	head := m.Head()
	if head != nil {
		s.Parent = &head.ID
	}
	lines, err := f.Manifests(ctx, head)
	if err != nil {
		return nil, err
	}
	if lines, err = w.drop(lines, DataManifest, rows.Drop); err != nil {
		return nil, err
	}
	if lines, err = w.drop(lines, DeleteManifest, rows.DropDeletes); err != nil {
		return nil, err
	}
	if rows.Forget {
		if lines, err = w.forget(lines); err != nil {
			return nil, err
		}
	}
	added, err := w.add(rows.Add)
	if err != nil {
		return nil, err
	}
	lines = append(added, lines...)
	if lines, err = w.merge(lines, rows); err != nil {
		return nil, err
	}
	list, err := writeList(s.ID, s.Sequence, s.Parent, lines)
	if err != nil {
		return nil, fmt.Errorf("write manifest list: %w", err)
	}
	if s.List, err = f.Write(ctx, fmt.Sprintf("%ssnap-%d-1-%s.avro", folder, s.ID, batch), list); err != nil {
		return nil, fmt.Errorf("write manifest list: %w", err)
	}
	s.Summary = w.counts.summary(head, rows.Summary)
	if rows.Replace {
		s.Summary["operation"] = "replace"
	}
	return s, nil
}

// snapshotWriter writes the manifests of a snapshot.
type snapshotWriter struct {
	Files
	ctx           context.Context
	m             *Metadata
	snapshot      *Snapshot
	folder, batch string
	n             int // manifests written
	counts        counts
}

func (w *snapshotWriter) write(specID int32, content ManifestContent, entries []Entry) (Manifest, error) {
	data, line, err := writeManifest(w.m, specID, content, w.snapshot.ID, w.snapshot.Sequence, entries)
	if err != nil {
		return line, fmt.Errorf("write manifest: %w", err)
	}
	line.Bytes = int64(len(data))
	line.Path, err = w.Files.Write(w.ctx, fmt.Sprintf("%s%s-m%d.avro", w.folder, w.batch, w.n), data)
	w.n++
	if err != nil {
		return line, fmt.Errorf("write manifest: %w", err)
	}
	return line, nil
}

// add writes a manifest for the new files of each spec and kind.
func (w *snapshotWriter) add(files []SpecFile) (lines []Manifest, err error) {
	groups := map[kind][]Entry{}
	for i := range files {
		f := &files[i]
		k := kind{f.SpecID, DataManifest}
		if f.Content != Data {
			k.content = DeleteManifest
		}
		groups[k] = append(groups[k], Entry{Status: Added, SnapshotID: &w.snapshot.ID, File: f.DataFile})
		w.counts.add(&f.DataFile)
	}
	return w.writeAll(groups)
}

// kind is what the files of a manifest share.
type kind struct {
	spec    int32
	content ManifestContent
}

func (k kind) compare(other kind) int {
	return cmp.Or(cmp.Compare(k.content, other.content), cmp.Compare(k.spec, other.spec))
}

// writeAll writes a manifest for the entries of each kind.
func (w *snapshotWriter) writeAll(entries map[kind][]Entry) (lines []Manifest, err error) {
	for _, k := range slices.SortedFunc(maps.Keys(entries), kind.compare) {
		line, err := w.write(k.spec, k.content, entries[k])
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// drop writes the manifests of a kind that have one of the files again, without it.
func (w *snapshotWriter) drop(lines []Manifest, content ManifestContent, gone map[string]struct{}) (kept []Manifest, err error) {
	left := len(gone)
	for _, line := range lines {
		if left == 0 || line.Content != content {
			if line.Live() > 0 || line.AddedBy == w.snapshot.ID {
				kept = append(kept, line)
			}
			continue
		}
		var entries []Entry
		found := 0
		err := w.Entries(w.ctx, w.m, &line, func(e *Entry) error {
			e.Status = Existing
			if _, ok := gone[e.File.Path]; ok {
				e.Status, e.SnapshotID = Deleted, &w.snapshot.ID
				w.counts.remove(&e.File)
				found++
			}
			entries = append(entries, *e)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if found > 0 {
			left -= found
			if line, err = w.write(line.SpecID, line.Content, entries); err != nil {
				return nil, err
			}
		}
		kept = append(kept, line)
	}
	if left > 0 {
		return nil, fmt.Errorf("drop files: %d of %d are not live", left, len(gone))
	}
	return kept, nil
}

// forget writes manifests that name files that are gone, without them.
func (w *snapshotWriter) forget(lines []Manifest) (kept []Manifest, err error) {
	for _, line := range lines {
		if line.DeletedFiles == 0 || line.AddedBy == w.snapshot.ID {
			kept = append(kept, line)
			continue
		}
		var entries []Entry
		err := w.Entries(w.ctx, w.m, &line, func(e *Entry) error {
			e.Status = Existing
			entries = append(entries, *e)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 {
			continue
		}
		if line, err = w.write(line.SpecID, line.Content, entries); err != nil {
			return nil, err
		}
		kept = append(kept, line)
	}
	return kept, nil
}

// merge joins small manifests of a kind, if there are many.
func (w *snapshotWriter) merge(lines []Manifest, rows Rows) (kept []Manifest, err error) {
	isDue := mergeDue(lines, rows.MergeAt, rows.MergeBytes, w.snapshot.ID)
	merged := map[kind][]Entry{}
	for i := range lines {
		l := &lines[i]
		if !isDue(l) {
			kept = append(kept, *l)
			continue
		}
		k := kind{l.SpecID, l.Content}
		err := w.Entries(w.ctx, w.m, l, func(e *Entry) error {
			if *e.SnapshotID != w.snapshot.ID {
				e.Status = Existing
			}
			merged[k] = append(merged[k], *e)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	written, err := w.writeAll(merged)
	return append(kept, written...), err
}

// MergeDue divides the manifests of a head into those that a snapshot with this MergeAt and
// MergeBytes merges, and those that it names as they are.
func MergeDue(lines []Manifest, mergeAt int, mergeBytes int64) (due, left []Manifest) {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l Manifest) bool { return l.Live() == 0 })
	isDue := mergeDue(lines, mergeAt, mergeBytes, 0)
	for i := range lines {
		if isDue(&lines[i]) {
			due = append(due, lines[i])
		} else {
			left = append(left, lines[i])
		}
	}
	return due, left
}

// mergeDue says which manifests become one with others of their kind. What a snapshot
// deletes must be read in it, so its own manifests with deletions stay.
func mergeDue(lines []Manifest, at int, bytes, snapshot int64) func(*Manifest) bool {
	small := func(l *Manifest) bool {
		return at > 0 && l.Bytes < bytes && (l.DeletedFiles == 0 || l.AddedBy != snapshot)
	}
	count := map[kind]int{}
	for i := range lines {
		if l := &lines[i]; small(l) {
			count[kind{l.SpecID, l.Content}]++
		}
	}
	return func(l *Manifest) bool { return small(l) && count[kind{l.SpecID, l.Content}] >= at }
}

// counts are what a summary says of a snapshot: Spec, appendix F.
type counts struct {
	addedFiles, addedRows, addedBytes                  int64
	removedFiles, removedRows, removedBytes            int64
	addedDeleteFiles, addedPositions, addedDeleteBytes int64
	removedDeleteFiles, removedPositions               int64
	partitions                                         map[string]struct{}
}

func (c *counts) add(f *DataFile) {
	c.touch(f)
	if f.Content == Data {
		c.addedFiles++
		c.addedRows += f.Rows
		c.addedBytes += f.Bytes
		return
	}
	c.addedDeleteFiles++
	c.addedPositions += f.Rows
	c.addedDeleteBytes += f.Bytes
}

func (c *counts) remove(f *DataFile) {
	c.touch(f)
	c.removedBytes += f.Bytes
	if f.Content == Data {
		c.removedFiles++
		c.removedRows += f.Rows
		return
	}
	c.removedDeleteFiles++
	c.removedPositions += f.Rows
}

func (c *counts) touch(f *DataFile) {
	if c.partitions == nil {
		c.partitions = map[string]struct{}{}
	}
	c.partitions[jsonText(f.Partition)] = struct{}{}
}

// summary are the usual names with the totals of the head carried on, and ours.
func (c *counts) summary(head *Snapshot, ours map[string]string) map[string]string {
	s := map[string]string{"operation": c.operation(), "changed-partition-count": strconv.Itoa(len(c.partitions))}
	set := func(name string, n int64) {
		if n != 0 {
			s[name] = strconv.FormatInt(n, 10)
		}
	}
	set("added-data-files", c.addedFiles)
	set("added-records", c.addedRows)
	set("added-files-size", c.addedBytes+c.addedDeleteBytes)
	set("deleted-data-files", c.removedFiles)
	set("deleted-records", c.removedRows)
	set("removed-files-size", c.removedBytes)
	set("added-delete-files", c.addedDeleteFiles)
	set("added-position-delete-files", c.addedDeleteFiles)
	set("added-position-deletes", c.addedPositions)
	set("removed-delete-files", c.removedDeleteFiles)
	set("removed-position-delete-files", c.removedDeleteFiles)
	set("removed-position-deletes", c.removedPositions)
	total := func(name string, change int64) {
		before := int64(0)
		if head != nil {
			n, err := strconv.ParseInt(head.Summary[name], 10, 64)
			if err != nil {
				return // somebody did not carry it on: nobody knows
			}
			before = n
		}
		s[name] = strconv.FormatInt(before+change, 10)
	}
	total("total-data-files", c.addedFiles-c.removedFiles)
	total("total-records", c.addedRows-c.removedRows)
	total("total-files-size", c.addedBytes+c.addedDeleteBytes-c.removedBytes)
	total("total-delete-files", c.addedDeleteFiles-c.removedDeleteFiles)
	total("total-position-deletes", c.addedPositions-c.removedPositions)
	total("total-equality-deletes", 0)
	maps.Copy(s, ours)
	return s
}

func (c *counts) operation() string {
	switch {
	case c.removedFiles == 0 && c.addedDeleteFiles == 0:
		return "append"
	case c.addedFiles == 0:
		return "delete"
	}
	return "overwrite"
}
