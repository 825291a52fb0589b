package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"sluice"
	"sluice/internal/ledger"
	"sluice/internal/store"
)

// metaErased is the name of the metadata of an output some of whose rows were erased after
// it was converted. The ledger then has the rows and sums of the file, and not those of
// the conversion.
const metaErased = "sluice-erased"

// ErrBehind says that an output is not the one that the ledger names: a worker died, or
// somebody replaced it. [Pipeline.Process] brings both together.
var ErrBehind = errors.New("the output is not the one that the ledger names")

// Shortening erases rows of outputs.
type Shortening struct {
	// Look reports whether an output has such rows.
	Look func(ctx context.Context, out ledger.Output, info store.Info) (bool, error)
	// Write writes it without them.
	Write func(ctx context.Context, out ledger.Output, info store.Info, to io.Writer, footer map[string]string) error
	// Sums are the rows of an output, and the sums of its decimal columns.
	Sums func(ctx context.Context, out ledger.Output, info store.Info) (int64, map[string]string, error)
}

// Shorten publishes outputs of a key again, without some of their rows. They show the same
// state of the source as before, so nothing is to do for a run. Each output is replaced by
// compare-and-set, and then the ledger is; if a worker dies in between, the same call goes
// on. It returns how many outputs were replaced.
//
// It is no method, so that the function does not contain it.
func Shorten(ctx context.Context, p *Pipeline, bucket, key string, s Shortening) (int, error) {
	for attempt := 1; ; attempt++ {
		n, err := shorten(ctx, p, bucket, key, s)
		if err == nil || !store.IsRace(err) || attempt == maxAttempts {
			return n, err
		}
	}
}

func shorten(ctx context.Context, p *Pipeline, bucket, key string, s Shortening) (replaced int, err error) {
	e, etag, err := p.Ledger.Get(ctx, bucket, key)
	if err != nil {
		return 0, err
	}
	erased, changed := false, false
	infos := make([]store.Info, len(e.Outputs))
	for i := range e.Outputs {
		out := &e.Outputs[i]
		if !p.inSink(*out) || !out.HasRows() {
			continue
		}
		info, err := p.Sink.Head(ctx, out.Key)
		if err != nil {
			return replaced, fmt.Errorf("look at output: %w", err)
		}
		is := info.Meta[metaErased] != ""
		switch {
		case info.ETag == out.ETag:
		case is && info.Meta[metaReplaces] == out.ETag && info.Meta[metaIdentity] == out.Identity:
			// An earlier call has died before it wrote the ledger.
			if out.SHA256, err = sumOf(ctx, p.Sink, info); err != nil {
				return replaced, err
			}
			out.ETag, changed = info.ETag, true
		default:
			return replaced, ErrBehind
		}
		has, err := s.Look(ctx, *out, info)
		if err != nil {
			return replaced, fmt.Errorf("read output %q: %w", out.Key, err)
		}
		if has {
			if info, err = p.shortened(ctx, &e, i, info, s); err != nil {
				return replaced, err
			}
			replaced++
			is, changed = true, true
		}
		infos[i], erased = info, erased || is
	}
	if !erased {
		return replaced, nil
	}
	stated, err := restate(ctx, &e, infos, s)
	if err != nil || !stated && !changed {
		return replaced, err
	}
	_, err = p.Ledger.Put(ctx, &e, store.IfMatch(etag))
	return replaced, err
}

// shortened replaces the i-th output of an entry.
func (p *Pipeline) shortened(ctx context.Context, e *ledger.Entry, i int, info store.Info, s Shortening) (store.Info, error) {
	out := &e.Outputs[i]
	meta := maps.Clone(info.Meta)
	meta[metaSoftware], meta[metaReplaces], meta[metaErased] = sluice.Version(), info.ETag, "1"
	w, err := p.Sink.Create(ctx, out.Key, store.CreateOptions{ContentType: "application/vnd.apache.parquet", Meta: meta})
	if err != nil {
		return info, fmt.Errorf("create output: %w", err)
	}
	defer w.Abort(ctx) //nolint:errcheck // after a commit it does nothing; else what stays is invisible
	o := &tableFile{hash: sha256.New(), w: w}
	err = s.Write(ctx, *out, info, o, map[string]string{
		"sluice.mapping_sha256": out.Mapping, "sluice.table": out.Table, "sluice.version": sluice.Version(),
		"sluice.identity": out.Identity, "sluice.replaces": info.ETag,
	})
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return info, fmt.Errorf("write output %q: %w", out.Key, err)
	}
	made, err := w.Commit(ctx, store.IfMatch(info.ETag))
	if err != nil {
		return info, fmt.Errorf("commit output: %w", err)
	}
	out.ETag, out.SHA256 = made.ETag, o.sum()
	made, err = p.Sink.Head(ctx, out.Key)
	if err == nil && made.ETag != out.ETag {
		err = store.ErrChanged
	}
	return made, err
}

// restate makes the state of an entry have the rows and sums of its outputs, if they are
// of that state. It reports whether they were others.
func restate(ctx context.Context, e *ledger.Entry, infos []store.Info, s Shortening) (changed bool, err error) {
	if e.State == nil {
		return false, nil
	}
	rows, sums, records := int64(0), maps.Clone(e.State.Sums), maps.Clone(e.State.RecordSums)
	for i, out := range e.Outputs {
		if infos[i].Key == "" {
			continue
		}
		if out.Identity != e.State.Identity || out.Mapping != e.State.Mapping {
			return false, nil // the state has published nothing: these are older rows
		}
		n, columns, err := s.Sums(ctx, out, infos[i])
		if err != nil {
			return false, fmt.Errorf("add up output %q: %w", out.Key, err)
		}
		rows += n
		for column, sum := range columns {
			if name := out.Table + "." + column; sums[name] != "" {
				sums[name] = sum
			}
		}
		if infos[i].Meta[metaErased] != "" { // in which records its values stood, nobody knows
			maps.DeleteFunc(records, func(name, _ string) bool { return strings.HasPrefix(name, out.Table+".") })
		}
	}
	if rows == e.State.RowsWritten && maps.Equal(sums, e.State.Sums) && maps.Equal(records, e.State.RecordSums) {
		return false, nil
	}
	e.State.RowsWritten, e.State.Sums, e.State.RecordSums = rows, sums, records
	return true, nil
}

// sumOf is the SHA-256 of an object.
func sumOf(ctx context.Context, s store.Store, info store.Info) (string, error) {
	object, err := s.Open(ctx, info.Key)
	if err != nil {
		return "", fmt.Errorf("read output: %w", err)
	}
	defer object.Close()
	if object.Info().ETag != info.ETag {
		return "", fmt.Errorf("read output: %w", store.ErrChanged)
	}
	o := &tableFile{hash: sha256.New()}
	if _, err := io.Copy(o, object); err != nil {
		return "", fmt.Errorf("read output: %w", err)
	}
	return o.sum(), nil
}
