//go:build corpora

package corpora

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	"sluice"
	"sluice/internal/gen"
	"sluice/mapping"
)

// A file that was cut is never a clean success: each prefix of each good file
// is rejected, or has quarantined records, or lacks only white space at its
// end. The one exception are sequences of documents (NDJSON, concatenated, a
// single one) cut after a whole document: nothing in such a file says how many
// there must be, so its length must come from elsewhere (Options.Size).
func TestTruncation(t *testing.T) {
	m := preset(t, "orders")
	var cuts, borders atomic.Int64
	files := goodFiles(t, m)
	work := make(chan truncated)
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for c := range work {
				if c.check(t, m) {
					borders.Add(1)
				}
				cuts.Add(1)
			}
		})
	}
	for _, f := range files {
		for _, n := range f.lengths() {
			work <- truncated{f, n}
		}
	}
	close(work)
	all.Wait()
	t.Logf("truncation: %d cuts of %d files (plain, gzip and zstd), none a clean success; %d at the end of a document of a sequence",
		cuts.Load(), len(files), borders.Load())
}

// goodFile is an accepted file.
type goodFile struct {
	name   string
	stored []byte // as it is read
	plain  []byte // as it is when decompressed
	decode func([]byte) ([]byte, error)
}

func goodFiles(t *testing.T, m *mapping.Mapping) (all []goodFile) {
	add := func(name string, plain []byte) {
		if r := convert(t, m, plain); r.Outcome != sluice.Accept {
			t.Fatalf("%s: %s %s %v, want a good file", name, r.Outcome, r.Reason, r.Reasons)
		}
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		w.Write(plain)
		w.Close()
		e, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all,
			goodFile{name, plain, plain, func(b []byte) ([]byte, error) { return b, nil }},
			goodFile{name + " as gzip", z.Bytes(), plain, gunzip},
			goodFile{name + " as zstd", e.EncodeAll(plain, nil), plain, unzstd})
	}
	for _, c := range hostileCases(t) {
		if c.Outcome != "accept" {
			continue
		}
		data := read(t, "fixtures/hostile/files", c.File)
		if plain, err := gunzip(data); err == nil {
			all = append(all, goodFile{c.File, data, plain, gunzip})
			data = plain
		}
		add(c.File, data)
	}
	for form, name := range []string{"array", "NDJSON", "wrapped", "concatenated", "pretty"} {
		for seed := range uint64(5) {
			var text bytes.Buffer
			if _, err := gen.Write(&text, gen.Options{Seed: seed, Orders: 3, Form: gen.Form(form), Wide: seed%2 == 1}); err != nil {
				t.Fatal(err)
			}
			add("generated "+name, text.Bytes())
		}
	}
	return all
}

func gunzip(b []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func unzstd(b []byte) ([]byte, error) {
	z, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.DecodeAll(b, nil)
}

// lengths are those to cut a file to: all of them, or of a large file those
// near its ends and some between.
func (f *goodFile) lengths() (ns []int) {
	const near, between = 1500, 60
	if len(f.stored) <= 4*near {
		for n := range len(f.stored) {
			ns = append(ns, n)
		}
		return ns
	}
	for n := range near {
		ns = append(ns, n, len(f.stored)-1-n)
	}
	r := rand.New(rand.NewPCG(1, uint64(len(f.stored))))
	for range between {
		ns = append(ns, near+r.IntN(len(f.stored)-2*near))
	}
	slices.Sort(ns)
	return slices.Compact(ns)
}

// truncated is a file cut to a length.
type truncated struct {
	goodFile
	length int
}

// check converts what is left, and reports whether it is a shorter sequence
// of whole documents.
func (c *truncated) check(t *testing.T, m *mapping.Mapping) (border bool) {
	var bad bytes.Buffer
	stats, err := sluice.Convert(t.Context(), io.Discard, bytes.NewReader(c.stored[:c.length]), m,
		&sluice.Options{Codec: sluice.None, Quarantine: &bad})
	if (err != nil) != (stats.Outcome == sluice.Reject) {
		t.Errorf("%s cut to %d bytes: outcome %q, error %v", c.name, c.length, stats.Outcome, err)
	}
	plain, broken := c.decode(c.stored[:c.length])
	if broken != nil && err == nil {
		t.Errorf("%s cut to %d bytes: %s, though the compressed bytes end early", c.name, c.length, stats.Outcome)
	}
	if stats.Outcome != sluice.Accept || len(bytes.TrimSpace(plain)) == len(bytes.TrimSpace(c.plain)) {
		return false
	}
	documents, whole := sequence(plain)
	if broken != nil || !whole || int64(documents) != stats.RecordsCommitted {
		t.Errorf("%s cut to %d bytes: a clean success with %d records; %d whole documents, nothing behind them: %t",
			c.name, c.length, stats.RecordsCommitted, documents, whole)
	}
	return true
}

// sequence counts the objects that stand one after another in text, and
// reports whether there is nothing else. It asks encoding/json.
func sequence(text []byte) (documents int, whole bool) {
	d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(string(text), "\ufeff")))
	for {
		var object map[string]json.RawMessage
		switch err := d.Decode(&object); err {
		case nil:
			documents++
		default:
			return documents, err == io.EOF
		}
	}
}
