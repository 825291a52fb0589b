package tables

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"sluice/internal/iceberg"
	"sluice/internal/parquetcolumn"
)

// Rows are rows of a file, from From on, before To.
type Rows struct{ From, To int64 }

// LiveFile is a data file that a head names.
type LiveFile struct {
	Key       string // in the store
	Path      string // URI
	Partition string // files with the same rows of a partition have the same
	Rows      int64  // all, also those that do not count
	Bytes     int64
	Sequence  int64  // of the rows
	Masked    []Rows // those that do not count, in order, without overlaps
	// Constants are the values that the columns of the source have in all rows, by name,
	// if the file lacks them: Spec, Column Projection.
	Constants map[string]string
}

// Live is the number of rows that count.
func (f *LiveFile) Live() int64 {
	rows := f.Rows
	for _, m := range f.Masked {
		rows -= m.To - m.From
	}
	return rows
}

// Live reads which rows of a table count. It keeps what it has read of manifests and
// delete files, which never change, so the next head costs what is new in it. It is for
// one goroutine at a time.
type Live struct {
	files     iceberg.Files
	manifests map[string]*manifest // by URI
	deletes   map[string]masks     // by URI
}

// masks are rows of data files, by the key of the file.
type masks map[string][]Rows

// manifest is what is kept of one.
type manifest struct {
	content iceberg.ManifestContent
	files   []LiveFile
}

// NewLive reads tables of these files.
func NewLive(files iceberg.Files) *Live {
	return &Live{files: files, manifests: map[string]*manifest{}, deletes: map[string]masks{}}
}

const (
	liveAtOnce = 16
	parquet    = "PARQUET"
)

// Files are the data files of a head. What readers of Iceberg may do and this one does
// not, is an error: rows that do not count must never be shown.
func (l *Live) Files(ctx context.Context, h *Head) (live []LiveFile, err error) {
	if live, err = l.read(ctx, h); err != nil {
		return nil, fmt.Errorf("read files of table %s: %w", h.table.Name, err)
	}
	return live, nil
}

func (l *Live) read(ctx context.Context, h *Head) ([]LiveFile, error) {
	lines, err := l.files.Manifests(ctx, h.Metadata().Head())
	if err != nil {
		return nil, err
	}
	manifests := map[string]*manifest{}
	var deletes, live []LiveFile
	for i := range lines {
		m := l.manifests[lines[i].Path]
		if m == nil {
			if m, err = l.manifest(ctx, h, &lines[i]); err != nil {
				return nil, err
			}
		}
		manifests[lines[i].Path] = m
		if m.content == iceberg.DataManifest {
			live = append(live, m.files...)
		} else {
			deletes = append(deletes, m.files...)
		}
	}
	l.manifests = manifests
	if err := l.readDeletes(ctx, deletes); err != nil {
		return nil, err
	}
	at := make(map[string]int, len(live))
	for i := range live {
		at[live[i].Key] = i
	}
	// Spec, Scan Planning: position deletes apply to files that are not newer.
	for i := range deletes {
		for key, rows := range l.deletes[deletes[i].Path] {
			if j, is := at[key]; is && live[j].Sequence <= deletes[i].Sequence {
				live[j].Masked = append(live[j].Masked, rows...)
			}
		}
	}
	for i := range live {
		live[i].Masked = joined(live[i].Masked, live[i].Rows)
	}
	slices.SortFunc(live, func(a, b LiveFile) int { return strings.Compare(a.Key, b.Key) })
	return live, nil
}

// manifest reads the files of a manifest.
func (l *Live) manifest(ctx context.Context, h *Head, line *iceberg.Manifest) (*manifest, error) {
	m := &manifest{content: line.Content}
	partitions := map[string]string{} // few, and each once in memory
	constant := constants(h.Metadata(), line.SpecID)
	err := l.files.Entries(ctx, h.Metadata(), line, func(e *iceberg.Entry) error {
		switch {
		case e.File.Content == iceberg.EqualityDeletes:
			return fmt.Errorf("it has equality deletes, which sluice does not read; have the engine that wrote them compact the table")
		case !strings.EqualFold(e.File.Format, parquet):
			return fmt.Errorf("it has a file in the format %s, which sluice does not read", e.File.Format)
		}
		key, err := l.files.Key(e.File.Path)
		if err != nil {
			return err
		}
		partition := fmt.Sprint(line.SpecID)
		if len(e.File.Partition) > 0 {
			partition += " " + partitionText(e.File.Partition)
		}
		if _, known := partitions[partition]; !known {
			partitions[partition] = partition
		}
		m.files = append(m.files, LiveFile{
			Key: key, Path: e.File.Path, Partition: partitions[partition], Rows: e.File.Rows, Bytes: e.File.Bytes, Sequence: *e.Sequence, Constants: constant(&e.File),
		})
		return nil
	})
	return m, err
}

// constants returns what [LiveFile.Constants] are of the files of a partition spec.
func constants(m *iceberg.Metadata, spec int32) func(*iceberg.DataFile) map[string]string {
	columns := map[string]string{} // by partition field
	if s := m.Spec(int(spec)); s != nil {
		for _, f := range s.Fields {
			c := m.CurrentSchema().FieldByID(f.SourceID)
			if c != nil && (c.Name == SourceColumn || c.Name == StateColumn) && f.Transform.Name == "identity" {
				columns[f.Name] = c.Name
			}
		}
	}
	return func(f *iceberg.DataFile) map[string]string {
		var texts map[string]string
		for name, column := range columns {
			if text, ok := f.Partition[name].(string); ok {
				if texts == nil {
					texts = map[string]string{}
				}
				texts[column] = text
			}
		}
		return texts
	}
}

// readDeletes reads the delete files that are not known, and forgets the others.
func (l *Live) readDeletes(ctx context.Context, wanted []LiveFile) error {
	known := make(map[string]masks, len(wanted))
	var left []LiveFile
	for i := range wanted {
		if m, is := l.deletes[wanted[i].Path]; is {
			known[wanted[i].Path] = m
		} else {
			left = append(left, wanted[i])
		}
	}
	l.deletes = known
	var mu sync.Mutex
	return Each(ctx, liveAtOnce, left, func(ctx context.Context, f *LiveFile) error {
		m, err := l.readMasks(ctx, f.Key)
		if err != nil {
			return fmt.Errorf("read delete file %s: %w", f.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		known[f.Path] = m
		return nil
	})
}

// Masks are the keys of the data files that a delete file names.
func (l *Live) Masks(ctx context.Context, key string) ([]string, error) {
	m, err := l.readMasks(ctx, key)
	return slices.Collect(maps.Keys(m)), err
}

// readMasks reads a delete file.
func (l *Live) readMasks(ctx context.Context, key string) (masks, error) {
	at, err := l.files.Store.Head(ctx, key)
	if err != nil {
		return nil, err
	}
	f, err := parquetcolumn.Open(ctx, readAt(l.files.Store, at), at.Size)
	if err != nil {
		return nil, err
	}
	path, position := f.Find(iceberg.DeletePathID, "file_path"), f.Find(iceberg.DeletePositionID, "pos")
	if path < 0 || position < 0 {
		return nil, fmt.Errorf("it has no columns file_path and pos")
	}
	m := masks{}
	keys := map[string]string{} // of paths; empty: none of the store
	var positions []int64
	for g := range f.Groups() {
		positions = positions[:0]
		null := fmt.Errorf("a NULL in row group %d", g)
		if err := f.Column(ctx, g, position, func(p *parquetcolumn.Page) error {
			for i := range p.Rows {
				if p.Null(i) {
					return null
				}
				positions = append(positions, p.Int(i))
			}
			return nil
		}); err != nil {
			return nil, err
		}
		next := 0
		if err := f.Column(ctx, g, path, func(p *parquetcolumn.Page) error {
			for i := range p.Rows {
				if p.Null(i) || next == len(positions) {
					return null
				}
				key, known := keys[string(p.Bytes(i))]
				if !known {
					key, _ = l.files.Key(string(p.Bytes(i)))
					keys[string(p.Bytes(i))] = key
				}
				m.add(key, positions[next])
				next++
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m masks) add(key string, row int64) {
	rows := m[key]
	if n := len(rows); n > 0 && rows[n-1].To == row {
		rows[n-1].To++
		return
	}
	m[key] = append(rows, Rows{row, row + 1})
}

// joined are rows below most, in order, those that touch or overlap as one.
func joined(all []Rows, most int64) []Rows {
	if len(all) == 0 {
		return nil
	}
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b Rows) int { return cmp.Compare(a.From, b.From) })
	result := all[:0]
	for _, r := range all {
		if r.To = min(r.To, most); r.From >= r.To {
			continue
		}
		if n := len(result); n > 0 && r.From <= result[n-1].To {
			result[n-1].To = max(result[n-1].To, r.To)
		} else {
			result = append(result, r)
		}
	}
	return result
}
