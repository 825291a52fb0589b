package conversion_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sluice/internal/conversion"
	"sluice/internal/gen"
	"sluice/internal/rejection"
	"sluice/mapping"
)

// FuzzConvert throws any bytes at the whole path. Whatever they are: no panic;
// the counts add up; the file that comes out can be read and has the rows that
// were counted; quarantine holds the exact bytes of the input; and neither
// threads nor the cut into reads change anything.
func FuzzConvert(f *testing.F) {
	for form := gen.Array; form <= gen.Pretty; form++ {
		f.Add(generate(f, gen.Options{Seed: 5, Orders: 3, Form: form, Wide: true, Bad: 0.3}))
	}
	f.Add([]byte(gzipped(f, "[{}]")))
	f.Add([]byte("{}\n123\n4\n{}"))
	f.Add([]byte("{x" + strings.Repeat("\r", 60) + "{}\n"))
	f.Add([]byte("{\"order_id\":1}\n{bad\n{\"products\":[{},null,{\"price\":1e400}]}\n"))
	f.Add([]byte(`{"sluice_quarantine":1,"reason":"bad_json","path":"$","offset":0,"error_offset":0,"record":0,"place":"$","source":"s","raw":"{}"}`))
	f.Add([]byte("{}\n" + strings.Repeat("{bad\n", 10) + "{}")) // too many are bad before the end
	m := orders(f)
	keep := *m
	keep.Provenance, keep.UnknownFields = true, mapping.Rescue
	keep.Tables = slices.Clone(m.Tables)
	keep.Tables[0].WhenEmpty = mapping.Keep
	keep.Limits.RecordBytes, keep.Limits.Depth, keep.Limits.QuarantineShare = 4096, 16, 1
	f.Fuzz(func(t *testing.T, doc []byte) {
		for _, m := range []*mapping.Mapping{m, &keep} {
			opts := conversion.Options{Source: "s"}
			whole := convert(t, m, bytes.NewReader(doc), opts)
			opts.Threads = 2
			if m.Limits.QuarantineShare < 1 {
				opts.Size = int64(len(doc)) // which decides when too many records are bad
			}
			cut := convert(t, m, iotest.OneByteReader(bytes.NewReader(doc)), opts)
			if fmt.Sprint(whole.err) != fmt.Sprint(cut.err) || !bytes.Equal(whole.parquet, cut.parquet) || whole.err == nil && !bytes.Equal(whole.bad, cut.bad) {
				t.Fatalf("read whole: %v %+v\nread byte by byte: %v %+v", whole.err, whole.stats, cut.err, cut.stats)
			}
			if whole.err != nil {
				var reject *rejection.Error
				if !errors.As(whole.err, &reject) {
					t.Fatalf("an error of the world without one: %v", whole.err)
				}
				continue
			}
			s := whole.stats
			if s.RecordsRead != s.RecordsCommitted+s.RecordsQuarantined+s.RecordsSkipped || s.RowsWritten != int64(len(whole.rows)) || s.BytesRead != int64(len(doc)) {
				t.Fatalf("the counts do not add up: %d rows, %+v", len(whole.rows), s)
			}
			if bytes.HasPrefix(doc, []byte("\x1f\x8b")) || bytes.HasPrefix(doc, []byte("\x28\xb5")) || bytes.HasPrefix(doc, []byte(`{"sluice_`)) {
				continue
			}
			for _, e := range entries(t, whole.bad) {
				raw := e.Raw + string(e.RawBase64)
				if int(e.Offset)+len(raw) > len(doc) || string(doc[e.Offset:int(e.Offset)+len(raw)]) != raw {
					t.Fatalf("entry %d does not hold the bytes at its offset %d", e.Record, e.Offset)
				}
			}
		}
	})
}
