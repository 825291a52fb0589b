package tables_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/internal/iceberg"
	"sluice/internal/parquetread"
)

// files reads the files of a table, for all who compare what it shows. A file of the same
// bytes is read once, by whomever: the store never changes the bytes of an object.
type files struct {
	lists     map[*byte][]iceberg.Manifest // by their first byte
	manifests map[manifestKey][]iceberg.Entry
	cells     map[*byte][][]string
}

// manifestKey is a manifest, and the sequence number that its entries inherit.
type manifestKey struct {
	file     *byte
	sequence int64
}

func newFiles() *files {
	return &files{map[*byte][]iceberg.Manifest{}, map[manifestKey][]iceberg.Entry{}, map[*byte][][]string{}}
}

func (f *files) clone() *files {
	return &files{maps.Clone(f.lists), maps.Clone(f.manifests), maps.Clone(f.cells)}
}

// row is a row that a snapshot shows.
type row struct {
	sourceRow
	file     string
	position int64
}

// read reads a snapshot, as any reader does.
func (s *simulation) read(m *iceberg.Metadata, snapshot *iceberg.Snapshot) (shown []row, live []iceberg.Entry, lines []iceberg.Manifest, err error) {
	if snapshot == nil {
		return nil, nil, nil, nil
	}
	if lines, err = s.list(snapshot); err != nil {
		return nil, nil, nil, err
	}
	masked := map[string]map[int64]bool{}
	for i := range lines {
		entries, err := s.entries(m, &lines[i])
		if err != nil {
			return nil, nil, nil, err
		}
		if lines[i].Content == iceberg.DataManifest {
			live = append(live, entries...)
			continue
		}
		for k := range entries {
			if err := s.mask(entries[k].File.Path, masked); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	for i := range live {
		path := live[i].File.Path
		rows, err := s.rows(path)
		if err != nil {
			return nil, nil, nil, err
		}
		for at, cells := range rows {
			if masked[path][int64(at)] {
				continue
			}
			v, err := strconv.ParseInt(cells[0], 10, 64)
			n, err2 := strconv.ParseInt(cells[1], 10, 64)
			if err := errors.Join(err, err2); err != nil {
				return nil, nil, nil, err
			}
			shown = append(shown, row{sourceRow{version: v, n: n, source: cells[2]}, path, int64(at)})
		}
	}
	return shown, live, lines, nil
}

// mask adds the positions that a delete file has.
func (s *simulation) mask(path string, masked map[string]map[int64]bool) error {
	rows, err := s.rows(path)
	if err != nil {
		return err
	}
	for _, cells := range rows {
		n, err := strconv.ParseInt(cells[1], 10, 64)
		if err != nil {
			return err
		}
		if masked[cells[0]] == nil {
			masked[cells[0]] = map[int64]bool{}
		}
		masked[cells[0]][n] = true
	}
	return nil
}

func (s *simulation) object(path string) ([]byte, error) {
	data := s.store.objects[strings.TrimPrefix(path, "mem://")]
	if len(data) == 0 {
		return nil, fmt.Errorf("%s is not there", path)
	}
	return data, nil
}

func (s *simulation) list(snapshot *iceberg.Snapshot) ([]iceberg.Manifest, error) {
	data, err := s.object(snapshot.List)
	if err != nil {
		return nil, err
	}
	lines, ok := s.files.lists[&data[0]]
	if !ok {
		if lines, err = s.table.Files.Manifests(context.Background(), snapshot); err == nil {
			s.files.lists[&data[0]] = lines
		}
	}
	return lines, err
}

func (s *simulation) entries(m *iceberg.Metadata, line *iceberg.Manifest) ([]iceberg.Entry, error) {
	data, err := s.object(line.Path)
	if err != nil {
		return nil, err
	}
	key := manifestKey{&data[0], line.Sequence}
	entries, ok := s.files.manifests[key]
	if ok {
		return entries, nil
	}
	err = s.table.Files.Entries(context.Background(), m, line, func(e *iceberg.Entry) error {
		if (e.File.Content == iceberg.Data) != (line.Content == iceberg.DataManifest) {
			return fmt.Errorf("%s has a file that is not of its kind", line.Path)
		}
		entries = append(entries, *e)
		return nil
	})
	if err == nil {
		s.files.manifests[key] = entries
	}
	return entries, err
}

// rows are the texts of a Parquet file's cells.
func (s *simulation) rows(path string) (rows [][]string, err error) {
	data, err := s.object(path)
	if err != nil {
		return nil, err
	}
	rows, ok := s.files.cells[&data[0]]
	if ok {
		return rows, nil
	}
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = f.Rows(int(f.NumRows())+1, func(cells []string) error {
		rows = append(rows, slices.Clone(cells))
		return nil
	})
	if err == nil {
		s.files.cells[&data[0]] = rows
	}
	return rows, err
}
