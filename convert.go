package sluice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"

	"sluice/internal/conversion"
	"sluice/internal/drift"
	"sluice/internal/parquetcodec"
	"sluice/internal/rejection"
	"sluice/mapping"
)

// Codec is the compression of the Parquet pages: one of [Codecs].
type Codec string

const (
	Zstd   Codec = "zstd" // the default
	Snappy Codec = "snappy"
	None   Codec = "none"
)

// Codecs are the words for all codecs, the default first.
func Codecs() []string { return parquetcodec.Names() }

// Outcome says what happened to an object.
type Outcome string

const (
	Accept     Outcome = "accept"     // every record was committed or, by policy, skipped
	Quarantine Outcome = "quarantine" // some records were quarantined, the others committed
	Reject     Outcome = "reject"     // nothing may be committed
)

// Stats counts what a conversion did. The JSON names are a contract.
type Stats struct {
	RecordsRead        int64 `json:"records_read"`
	RecordsCommitted   int64 `json:"records_committed"`
	RecordsQuarantined int64 `json:"records_quarantined"`
	RecordsSkipped     int64 `json:"records_skipped"`
	RowsWritten        int64 `json:"rows_written"`
	BytesRead          int64 `json:"bytes_read"`       // of the input as stored, so compressed
	BytesWritten       int64 `json:"bytes_written"`    // of all Parquet outputs
	ElementsSkipped    int64 `json:"elements_skipped"` // exploded elements, of committed records too, that gave no rows by when_empty: skip
	RowsFiltered       int64 `json:"rows_filtered"`    // rows of records that were not quarantined, left out by where
	UnknownFields      int64 `json:"unknown_fields"`   // object members that no path names
	// ValueErrors counts by reason values that do not fit their column and are
	// NULL in it (on_error: null). Each counts once, however many rows it is in.
	ValueErrors map[Reason]int64 `json:"value_errors"`
	// Sums are the exact totals of the decimal columns, by "table.column": what
	// SELECT sum(column) gives on the output, where a value of a record stands
	// in as many rows as explode gives. They may have more than 38 digits.
	Sums map[string]string `json:"sums"`
	// RecordSums are totals of the same columns, if their values can stand in
	// several rows: each value counts once, if it stands in any row.
	RecordSums map[string]string `json:"record_sums"`

	// Drift are the paths at which the input differs from what the mapping
	// expects: of each kind the 100 most frequent. DriftRest counts the members
	// and values at others.
	Drift     []DriftPath `json:"drift"`
	DriftRest int64       `json:"drift_rest"`

	Outcome Outcome          `json:"outcome"`
	Reason  Reason           `json:"reason"`  // of a reject, else empty
	Reasons map[Reason]int64 `json:"reasons"` // code -> quarantined records
}

// DriftPath is a path at which an input differs from what its mapping expects.
type DriftPath struct {
	// Kind is "unknown", of members that no path of the mapping names;
	// "mistyped", of values that do not fit; or "missing", of a column without a
	// value in any row, and of records that are quarantined for that.
	Kind string `json:"kind"`
	// Path has [*] for each element of an array that the mapping does not name.
	Path   string `json:"path"`
	Reason Reason `json:"reason"` // of "mistyped", and of records in quarantine
	Count  int64  `json:"count"`  // of members, values or records
	Offset int64  `json:"offset"` // of the first such record, in the decompressed input; 0 of a column without values
}

// Kinds of a DriftPath.
const (
	DriftUnknown  = string(drift.Unknown)
	DriftMistyped = string(drift.Mistyped)
	DriftMissing  = string(drift.Missing)
)

// Options of Convert. The zero value is ready to use.
type Options struct {
	// Codec of the pages; empty means Zstd.
	Codec Codec
	// Threads is the number of row groups worked on at once; 0 and 1 mean one.
	// The bytes of the output do not depend on it. If the input is not
	// compressed, and is an [os.File], [bytes.Reader], [strings.Reader] or
	// [io.SectionReader], each thread reads its own row groups. Otherwise one
	// row group is read while others are encoded.
	Threads int
	// Source is the key of the input: it stands in the quarantine and in
	// _source_key, and key in the mapping takes columns from it.
	Source string
	// Size is the number of bytes the input must have; a different number of
	// bytes is an error, not a reject. 0 means unknown.
	Size int64
	// Quarantine receives the quarantined records, one JSON object per line
	// (docs/quarantine.md). If it is nil, a record that must be quarantined is
	// an error.
	Quarantine io.Writer
	// Table opens the output of a table, for a mapping with several tables;
	// then dst is not used. Convert does not close the writers.
	Table func(name string) (io.Writer, error)
	// Metadata gives key-value pairs for the footer of a table's file, in
	// addition to sluice's own, which it cannot replace. They must hold no time
	// and nothing random, so that the same input gives the same bytes. nil: none.
	Metadata func(table string) map[string]string
	// MaxRecords ends the conversion early after that many records, for a
	// preview; the rest is not read. 0 means all.
	MaxRecords int64
	// AcceptDrift converts an input that differs from what the mapping expects,
	// though it says on_drift: hold.
	AcceptDrift bool
	// Memory, if not nil, has what an earlier call with the same mapping left, and
	// takes what this one leaves: many small inputs are converted faster with it. The
	// output is the same. The mapping must not be changed in between, and a Memory is
	// for one call at a time.
	Memory *Memory
	// Progress is called now and then with the number of input bytes read.
	Progress func(bytes int64)
}

// Memory is what calls of [Convert] leave to later ones. The zero value is ready to use.
type Memory struct{ left conversion.Memory }

// memory is that of the options.
func (o *Options) memory() *conversion.Memory {
	if o.Memory == nil {
		return nil
	}
	return &o.Memory.left
}

// Convert reads JSON from src and writes Parquet to dst as the mapping says.
//
// A [*RejectError] means that the input cannot be trusted; any other error
// comes from outside, such as a failed read. In both cases the output is
// incomplete and must be thrown away. Stats then says how far Convert came; for
// a reject, only Outcome, Reason, Reasons, Drift and BytesRead are set. BytesRead may
// be a little more than was used.
//
// With several threads, a file may be read with ReadAt, from its position to
// its end; its position afterwards is not defined.
//
// If src is nil there are no records: the outputs get the schema and no rows.
//
// Convert returns soon after ctx ends, if src.Read does not block.
func Convert(ctx context.Context, dst io.Writer, src io.Reader, m *mapping.Mapping, opts *Options) (Stats, error) {
	if opts == nil {
		opts = &Options{}
	}
	if err := check(ctx, dst, m, opts); err != nil {
		return newStats(), err
	}
	out, err := outputs(dst, m, opts)
	if err != nil {
		return newStats(), err
	}
	r, err := conversion.RunWith(ctx, opts.memory(), out, src, m, conversion.Options{
		Codec: string(cmp.Or(opts.Codec, Zstd)), Threads: opts.Threads, Source: opts.Source, Size: opts.Size,
		Quarantine: opts.Quarantine, MaxRecords: opts.MaxRecords, AcceptDrift: opts.AcceptDrift, Progress: opts.Progress,
	})
	stats := statsOf(&r)
	reject := new(rejection.Error)
	switch {
	case errors.As(err, &reject):
		stats.Outcome, stats.Reason = Reject, reject.Code
		return stats, &RejectError{Reason: reject.Code, Offset: reject.Offset, Detail: reject.Detail}
	case err != nil:
		return stats, err
	case stats.RecordsQuarantined > 0:
		stats.Outcome = Quarantine
	default:
		stats.Outcome = Accept
	}
	return stats, nil
}

// check returns an error for arguments that Convert cannot work with.
func check(ctx context.Context, dst io.Writer, m *mapping.Mapping, opts *Options) error {
	if ctx == nil {
		return errors.New("convert: the context is nil")
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("convert: %w", err)
	}
	switch {
	case opts.Threads < 0, opts.Size < 0, opts.MaxRecords < 0:
		return errors.New("convert: Options.Threads, Size and MaxRecords must not be negative")
	case opts.Table == nil && len(m.Tables) > 1:
		return fmt.Errorf("convert: the mapping has %d tables: set Options.Table", len(m.Tables))
	case opts.Table == nil && dst == nil:
		return errors.New("convert: dst is nil; give a writer for the Parquet file")
	}
	return nil
}

// outputs opens the output of each table.
func outputs(dst io.Writer, m *mapping.Mapping, opts *Options) (all []conversion.Output, err error) {
	hash := sync.OnceValue(m.Hash)
	for i := range m.Tables {
		t, w := &m.Tables[i], dst
		if opts.Table != nil {
			if w, err = opts.Table(t.Name); err != nil {
				return nil, fmt.Errorf("open output of table %s: %w", t.Name, err)
			}
			if w == nil {
				return nil, fmt.Errorf("open output of table %s: Options.Table gave no writer", t.Name)
			}
		}
		out := conversion.Output{Schema: m.Schema(t)}
		if rows, ok := w.(conversion.Rows); ok {
			if out, err = rows.Output(out.Schema); err != nil {
				return nil, fmt.Errorf("open output of table %s: %w", t.Name, err)
			}
			all = append(all, out)
			continue
		}
		values := map[string]string{}
		if opts.Metadata != nil {
			maps.Copy(values, opts.Metadata(t.Name))
		}
		values["sluice.mapping_sha256"] = hash()
		values["sluice.table"] = t.Name
		values["sluice.version"] = Version()
		if out, err = conversion.NewFile(w, out.Schema, "sluice version "+Version(), values); err != nil {
			return nil, err
		}
		all = append(all, out)
	}
	return all, nil
}
