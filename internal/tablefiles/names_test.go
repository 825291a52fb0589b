package tablefiles_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/internal/batch"
	"sluice/internal/iceberg"
	"sluice/internal/tablefiles"
	"sluice/schema"
)

// Names of files have the partition, the time, and the batch.
func TestNames(t *testing.T) {
	m := newMemory()
	o := options(m)
	o.Columns = []schema.Column{{Name: "shop", Type: schema.Type{Kind: schema.String}, ID: 1}, {Name: "at", Type: schema.Type{Kind: schema.Timestamp}, ID: 2}}
	o.Levels, o.Depth = []int{0, 0}, 0
	o.Spec = &iceberg.PartitionSpec{Fields: []iceberg.PartitionField{
		{SourceID: 1, Name: "the shop", Transform: iceberg.Transform{Name: "identity"}},
		{SourceID: 2, Name: "at_day", Transform: iceberg.Transform{Name: "day"}},
	}}
	w, err := tablefiles.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	shops := []string{"", "a/b c=d", "süd", "..", strings.Repeat("ü", 300)}
	f := &filler{b: batch.New(schema.Schema{Columns: o.Columns}, o.Levels, o.Depth)}
	for i, shop := range shops {
		f.text(&f.b.Columns[0], shop)
		if i != 1 {
			f.b.Columns[1].AddFixed(uint64(i) * 86_400_000_000)
		}
		f.b.EndElement(0, 1)
		f.b.EndRecord()
	}
	f.b.Flush(nil, f.scratch)
	f.b.Finish()
	ranges, err := w.Append(t.Context(), f.b)
	if err != nil {
		t.Fatal(err)
	}
	files, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, r := range ranges {
		got = append(got, r.Path)
		j := slices.IndexFunc(files, func(f iceberg.SpecFile) bool { return f.Path == r.Path })
		if files[j].Partition["the shop"] != shops[i] {
			t.Errorf("file %s has the partition %v", r.Path, files[j].Partition)
		}
	}
	const folder, name = "mem://lake/orders/data/", "20260102T030405Z_0123456789ab"
	want := []string{
		folder + "the_shop=/at_day=1970-01-01/" + name + "-1.parquet",
		folder + "the_shop=a_b_c_d/at_day=null/" + name + "-2.parquet",
		folder + "the_shop=s_d/at_day=1970-01-03/" + name + "-3.parquet",
		folder + "the_shop=../at_day=1970-01-04/" + name + "-4.parquet",
		folder + "the_shop=" + strings.Repeat("_", 80) + "/at_day=1970-01-05/" + name + "-5.parquet",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What cannot be written is refused, with the cause.
func TestRefused(t *testing.T) {
	spec := func(f iceberg.PartitionField) *iceberg.PartitionSpec {
		return &iceberg.PartitionSpec{Fields: []iceberg.PartitionField{f}}
	}
	for want, change := range map[string]func(*tablefiles.Options){
		"the ID of the batch has 2 digits": func(o *tablefiles.Options) { o.Batch = "ab" },
		"lz9":                              func(o *tablefiles.Options) { o.Codec = "lz9" },
		`field "x": transform day does not take a column of type s`: func(o *tablefiles.Options) {
			o.Spec = spec(iceberg.PartitionField{SourceID: 1, Name: "x", Transform: iceberg.Transform{Name: "day"}})
		},
	} {
		o := options(newMemory())
		change(&o)
		if _, err := tablefiles.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, and not %s", err, want)
		}
	}

	w, err := tablefiles.New(t.Context(), options(newMemory()))
	if err != nil {
		t.Fatal(err)
	}
	other := batch.New(schema.Schema{Columns: columns[:2]}, levels[:2], 1)
	other.Finish()
	if _, err := w.Append(t.Context(), other); err == nil || !strings.Contains(err.Error(), "other columns") {
		t.Errorf("a batch with other columns: %v", err)
	}

	o := options(newMemory())
	o.Spec = perDay
	if w, err = tablefiles.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Object(); err == nil || !strings.Contains(err.Error(), "partitioned") {
		t.Errorf("an object of its own in a partitioned table: %v", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := w.Append(t.Context(), newFiller(rand.New(rand.NewPCG(1, 1)).IntN).object(1, 1)); err == nil {
		t.Error("rows are appended after Abort")
	}
	if files, err := w.Close(t.Context()); err == nil {
		t.Errorf("Close returns %v after Abort", files)
	}
}
