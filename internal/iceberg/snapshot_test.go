package iceberg_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/store/dirstore"
	"sluice/schema"
)

var columns = []schema.Column{
	{Name: "id", Type: schema.Type{Kind: schema.Int64}},
	{Name: "name", Type: schema.Type{Kind: schema.String}},
	{Name: "price", Type: schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}},
	{Name: "at", Type: schema.Type{Kind: schema.Timestamp}},
	{Name: "tags", Type: schema.Type{Kind: schema.List, Of: schema.String}},
}

var partition = []iceberg.PartitionField{
	{SourceID: 4, ID: 1000, Name: "at_day", Transform: iceberg.Transform{Name: "day"}},
	{SourceID: 3, ID: 1001, Name: "price", Transform: iceberg.Transform{Name: "identity"}},
	{SourceID: 2, ID: 1002, Name: "name_bucket", Transform: iceberg.Transform{Name: "bucket", N: 8}},
	{SourceID: 4, ID: 1003, Name: "at", Transform: iceberg.Transform{Name: "identity"}},
	{SourceID: 2, ID: 1004, Name: "größe", Transform: iceberg.Transform{Name: "truncate", N: 2}},
}

func newCatalog(t *testing.T) *filecatalog.Catalog {
	t.Helper()
	dir := t.TempDir()
	s, err := dirstore.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &filecatalog.Catalog{Files: iceberg.Files{Store: s, Base: "file://" + dir + "/"}}
}

func create(t *testing.T, c *filecatalog.Catalog, fields []iceberg.PartitionField) *iceberg.Table {
	t.Helper()
	m, err := iceberg.New(c.Location("orders"), columns, fields, map[string]string{"write.metadata.previous-versions-max": "20"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	table, err := c.Create(t.Context(), "orders", m)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// live are the files of a snapshot, by their paths.
func live(t *testing.T, f iceberg.Files, m *iceberg.Metadata, s *iceberg.Snapshot) map[string]iceberg.Entry {
	t.Helper()
	lines, err := f.Manifests(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]iceberg.Entry{}
	for i := range lines {
		n, rows := 0, int64(0)
		err := f.Entries(t.Context(), m, &lines[i], func(e *iceberg.Entry) error {
			if _, twice := found[e.File.Path]; twice {
				t.Errorf("%s is there twice", e.File.Path)
			}
			found[e.File.Path] = *e
			n++
			rows += e.File.Rows
			if *e.Sequence < lines[i].MinSequence {
				t.Errorf("%s has the sequence number %d, below %d of its manifest", e.File.Path, *e.Sequence, lines[i].MinSequence)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n != lines[i].Live() || rows != lines[i].AddedRows+lines[i].ExistingRows {
			t.Errorf("a manifest has %d live files with %d rows, and its line says %+v", n, rows, lines[i])
		}
	}
	return found
}

func randomFile(r *rand.Rand, n int, fields bool) iceberg.SpecFile {
	f := iceberg.DataFile{
		Path: fmt.Sprintf("file:///data/%d.parquet", n), Format: "PARQUET", Rows: r.Int64N(1000), Bytes: r.Int64N(1 << 30), Partition: map[string]any{},
		ColumnBytes: []iceberg.Count{{ID: 1, N: 8}, {ID: 6, N: 1 << 40}}, Nulls: []iceberg.Count{}, Splits: []int64{4, 1 << 33},
		Lower: []iceberg.Bound{{ID: 1, Value: iceberg.AppendValue(nil, int64(-1))}, {ID: 2, Value: []byte("ä\x00")}},
		Upper: []iceberg.Bound{{ID: 1, Value: iceberg.AppendValue(nil, int64(1)<<62)}},
	}
	if fields {
		f.Partition = map[string]any{
			"at_day": int32(r.IntN(40000) - 5000), "price": iceberg.Minimal([]byte{byte(r.Int()), byte(r.Int()), byte(r.Int())}), "name_bucket": int32(r.IntN(8)),
			"at": r.Int64N(1<<50) - 1<<49, "größe": string(rune('a' + r.IntN(26))),
		}
		for name := range f.Partition {
			if r.IntN(4) == 0 {
				f.Partition[name] = nil
			}
		}
	}
	if r.IntN(3) == 0 {
		f.Content, f.ReferencedFile = iceberg.PositionDeletes, &f.Path
	}
	return iceberg.SpecFile{DataFile: f}
}

// A walk of random commits, compared with a map of files: each snapshot, also an old
// one, has exactly the files that its commit left, with all that was said of them.
func TestSnapshots(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			c := newCatalog(t)
			fields := partition
			if seed%3 == 0 {
				fields = nil
			}
			table := create(t, c, fields)
			type file struct {
				iceberg.DataFile
				sequence int64
			}
			files := map[string]file{}
			states := map[int64]map[string]file{}
			n := 0
			for commit := range 25 {
				rows := iceberg.Rows{Drop: map[string]struct{}{}, DropDeletes: map[string]struct{}{}, Replace: commit%5 == 4, Summary: map[string]string{"sluice.batch": strconv.Itoa(commit)}}
				if seed%2 == 0 {
					rows.MergeAt, rows.MergeBytes = 3, 8<<20
				}
				for range r.IntN(4) {
					n++
					rows.Add = append(rows.Add, randomFile(r, n, fields != nil))
				}
				for path, f := range files {
					switch {
					case r.IntN(6) > 0:
					case f.Content == iceberg.Data:
						rows.Drop[path] = struct{}{}
					case commit%2 == 0:
						rows.DropDeletes[path] = struct{}{}
					}
				}
				s, err := c.Files.Snapshot(t.Context(), table.Metadata, rows, "orders/metadata/", fmt.Sprintf("b%d", commit), time.Now())
				if err != nil {
					t.Fatal(err)
				}
				base := table
				if table, err = c.Commit(t.Context(), base, iceberg.Change{Snapshot: s, Properties: map[string]string{"last": strconv.Itoa(commit)}}); err != nil {
					t.Fatal(err)
				}
				files = maps.Clone(files)
				for path := range rows.Drop {
					delete(files, path)
				}
				for path := range rows.DropDeletes {
					delete(files, path)
				}
				for _, f := range rows.Add {
					files[f.Path] = file{f.DataFile, s.Sequence}
				}
				states[s.ID] = files
				if _, err := c.Commit(t.Context(), base, iceberg.Change{Snapshot: s}); err == nil {
					t.Fatal("a commit on an old base lands")
				}
			}
			loaded, err := c.Load(t.Context(), "orders")
			if err != nil {
				t.Fatal(err)
			}
			for i := range loaded.Metadata.Snapshots {
				s := &loaded.Metadata.Snapshots[i]
				found, want := live(t, c.Files, loaded.Metadata, s), states[s.ID]
				if len(found) != len(want) {
					t.Fatalf("snapshot %d has %d files, want %d", i, len(found), len(want))
				}
				var rows, masked, bytes int64
				for path, f := range want {
					got := found[path]
					if diff := cmp.Diff(f.DataFile, got.File); diff != "" {
						t.Fatalf("snapshot %d, %s:\n%s", i, path, diff)
					}
					if *got.Sequence != f.sequence || *got.FileSequence != f.sequence {
						t.Fatalf("snapshot %d, %s: sequence numbers %d and %d, want %d", i, path, *got.Sequence, *got.FileSequence, f.sequence)
					}
					bytes += f.Bytes
					if f.Content == iceberg.Data {
						rows += f.Rows
					} else {
						masked += f.Rows
					}
				}
				if s.Summary["total-records"] != strconv.FormatInt(rows, 10) || s.Summary["total-position-deletes"] != strconv.FormatInt(masked, 10) {
					t.Errorf("snapshot %d has %d rows and %d position deletes, and says %v", i, rows, masked, s.Summary)
				}
				if s.Summary["total-files-size"] != strconv.FormatInt(bytes, 10) || (s.Summary["operation"] == "replace") != (s.Sequence%5 == 0) {
					t.Errorf("snapshot %d has %d bytes, and says %v", i, bytes, s.Summary)
				}
			}
			if logged := len(loaded.Metadata.MetadataLog); logged != 20 {
				t.Errorf("%d earlier metadata files are named", logged)
			}
		})
	}
}

// The least value of a partition may be an empty text. That is a bound: pyiceberg,
// iceberg-go and Java take a manifest without a lower bound for one of NULLs only.
func TestEmptyTextIsABound(t *testing.T) {
	c := newCatalog(t)
	table := create(t, c, []iceberg.PartitionField{{SourceID: 2, ID: 1000, Name: "name", Transform: iceberg.Transform{Name: "identity"}}})
	for _, names := range [][]any{{"", "a"}, {""}, {nil}} {
		var rows iceberg.Rows
		for i, name := range names {
			rows.Add = append(rows.Add, iceberg.SpecFile{DataFile: iceberg.DataFile{
				Path: fmt.Sprintf("file:///%d", i), Format: "PARQUET", Rows: 1, Partition: map[string]any{"name": name},
			}})
		}
		s, err := c.Files.Snapshot(t.Context(), table.Metadata, rows, "orders/metadata/", fmt.Sprint(names), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		lines, err := c.Files.Manifests(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := lines[0].Partitions[0].Lower != nil, names[0] != nil; got != want {
			t.Errorf("files of %q: there is a lower bound: %t, want %t", names, got, want)
		}
	}
}

// truncate[1000] of the decimal -99 is -1000, which decimal(2, 0) has no bytes for.
func TestPartitionOfTooManyDigits(t *testing.T) {
	c := newCatalog(t)
	truncate := iceberg.Transform{Name: "truncate", N: 1000}
	m, err := iceberg.New(c.Location("t"), []schema.Column{{Name: "d", Type: schema.Type{Kind: schema.Decimal, Precision: 2}}},
		[]iceberg.PartitionField{{SourceID: 1, ID: 1000, Name: "d", Transform: truncate}}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	v := truncate.Apply(m.CurrentSchema().Fields[0].Type, iceberg.Minimal([]byte{0xff, 0x9d}))
	rows := iceberg.Rows{Add: []iceberg.SpecFile{{DataFile: iceberg.DataFile{Path: "file:///a", Format: "PARQUET", Partition: map[string]any{"d": v}}}}}
	const want = `partition field "d" has a value of 2 bytes, and decimal(2, 0) has 1`
	if _, err := c.Files.Snapshot(t.Context(), m, rows, "t/metadata/", "b", time.Now()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, and not %s", err, want)
	}
}

// A file that is not live cannot be dropped: its rows may stand elsewhere.
func TestDropUnknown(t *testing.T) {
	c := newCatalog(t)
	table := create(t, c, nil)
	_, err := c.Files.Snapshot(t.Context(), table.Metadata, iceberg.Rows{Drop: map[string]struct{}{"file:///a": {}}}, "orders/metadata/", "b", time.Now())
	if err == nil {
		t.Error("a file is dropped that is not there")
	}
}

// What other engines have written into the metadata stays as it was.
func TestForeignMembers(t *testing.T) {
	const text = `{"format-version":2,"table-uuid":"0","location":"s3://b/t","last-sequence-number":3,"last-updated-ms":1,"last-column-id":3,
"schemas":[{"type":"struct","schema-id":4,"identifier-field-ids":[1],"fields":[
 {"id":1,"name":"a","required":true,"type":"decimal(9,2)","doc":"d"},
 {"id":2,"name":"s","required":false,"type":{"type":"struct","fields":[{"id":3,"name":"x","required":false,"type":"uuid"}]}}]}],
"current-schema-id":4,"partition-specs":[{"spec-id":0,"fields":[]}],"default-spec-id":0,"last-partition-id":999,
"sort-orders":[{"order-id":1,"fields":[{"transform":"identity","source-id":1,"direction":"asc","null-order":"nulls-first"}]}],"default-sort-order-id":1,
"properties":{"a":"b"},"current-snapshot-id":7,"snapshots":[{"snapshot-id":7,"sequence-number":3,"timestamp-ms":1,"manifest-list":"s3://b/l","summary":{"operation":"append"},"schema-id":4,"key-id":"k"}],
"snapshot-log":[],"metadata-log":[],"refs":{"main":{"snapshot-id":7,"type":"branch","max-ref-age-ms":5},"kept":{"snapshot-id":7,"type":"tag"}},
"statistics":[{"snapshot-id":7}],"partition-statistics":[]}`
	m, err := iceberg.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	data, err := m.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	for text, into := range map[string]*map[string]any{text: &want, string(data): &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	want["schemas"].([]any)[0].(map[string]any)["fields"].([]any)[0].(map[string]any)["type"] = "decimal(9, 2)"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Expired snapshots leave the metadata; what a tag names stays, and so does main.
func TestExpire(t *testing.T) {
	m, err := iceberg.New("s3://b/t", columns, nil, nil, time.UnixMilli(0))
	if err != nil {
		t.Fatal(err)
	}
	hour := time.Hour.Milliseconds()
	var parent *int64
	for n := int64(1); n <= 10; n++ {
		if m, err = (iceberg.Change{Snapshot: &iceberg.Snapshot{ID: n, Parent: parent, Sequence: n, Time: n * hour}}).Apply(m, "s3://b/v"); err != nil {
			t.Fatal(err)
		}
		parent = &n
	}
	m.Refs["kept"] = iceberg.Ref{ID: 2, Type: "tag"}
	now := time.UnixMilli(10 * hour)
	for _, c := range []struct {
		retention iceberg.Retention
		want      []int64
	}{
		{iceberg.Retention{Snapshots: 3, Age: 0}, []int64{3, 4, 5, 6, 7}},
		{iceberg.Retention{Snapshots: 1, Age: 4 * time.Hour}, []int64{3, 4, 5}},
		{iceberg.Retention{Snapshots: 100, Age: 0}, nil},
	} {
		if got := m.Expired(c.retention, now); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v go, want %v", c.retention, got, c.want)
		}
	}
	next, err := (iceberg.Change{Expire: []int64{3, 4}}).Apply(m, "s3://b/v")
	if err != nil {
		t.Fatal(err)
	}
	if len(next.Snapshots) != 8 || len(next.Log) != 6 || next.Log[0].ID != 5 || len(m.Snapshots) != 10 || len(m.Log) != 10 {
		t.Errorf("after it: %d snapshots, log %v", len(next.Snapshots), next.Log)
	}
}
