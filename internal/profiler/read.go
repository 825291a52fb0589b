package profiler

import (
	"cmp"
	"errors"
	"fmt"

	"sluice/internal/flatten"
	"sluice/internal/input"
	"sluice/internal/jsonscan"
	"sluice/internal/rejection"
	"sluice/mapping"
	"sluice/reason"
)

// batchBytes is about how much text goes to a walker at once.
const batchBytes = 256 << 10

// batch is the text of sound records of one input.
type batch struct {
	input   int
	inside  mapping.Path // from each to what is counted
	text    []byte       // a blank follows each record; padded once it is full
	records []span
}

// span is where a record begins.
type span struct {
	at     int   // in the batch
	offset int64 // in the input
}

func (b *batch) reset() {
	if cap(b.text) > 4*batchBytes {
		b.text = nil // of a large record
	}
	b.text, b.records = b.text[:0], b.records[:0]
}

// result is what the reader of an input knows without its walkers.
type result struct {
	finding         finding
	denied          string // why the place is not that of the records
	records, broken int64
	brokenFirst     bool // the first record is broken
	bytes           int64
	err             error
}

// read reads an input to its end.
func (r *run) read(i int) (res result, err error) {
	name := r.inputs[i].Name
	src, err := r.inputs[i].Open(r.ctx)
	if err != nil {
		return res, fmt.Errorf("profile %s: %w", name, err)
	}
	defer src.Close()
	l := &r.opts.Limits
	in := input.NewReader(r.ctx, src, l.DecompressedBytes, l.DecompressionRatio, func(n int64) { r.progress(i, n) })
	defer in.Close()
	rd := reader{
		run: r, window: jsonscan.NewWindow(r.ctx, in), input: i,
		skip: jsonscan.Skipper{MaxDepth: l.Depth},
	}
	rd.paths = r.opts.Records
	if rd.paths == nil {
		if rd.result.finding, err = locate(rd.window, l); err != nil {
			return res, fmt.Errorf("profile %s: %w", name, err)
		}
		f := &rd.result.finding
		if why := r.denied[f.chosen.path.String()]; why != "" && f.chosen.why != whyLarge {
			f.deny(why)
		}
		rd.paths = []mapping.Path{f.chosen.path}
	}
	limits := jsonscan.Limits{RecordBytes: int(l.RecordBytes), Depth: l.Depth}
	rd.records = jsonscan.NewRecords(rd.window, flatten.Places(rd.paths), true, limits)
	s := rd.surroundings()
	if s != nil {
		rd.records.Around = s.add
	}
	err = rd.read()
	rd.result.bytes = rd.window.Offset(rd.window.End)
	rejected := new(rejection.Error)
	isRejected := errors.As(err, &rejected)
	switch {
	case s != nil && isRejected && rejected.Code == reason.NotRecords && rd.result.records > 0:
		rd.result.denied, err = whyLater, nil
	case s != nil && (err == nil || isRejected):
		rd.result.denied = s.conclude(&rd.result.finding)
	}
	if err != nil {
		err = fmt.Errorf("profile %s: %w", name, err)
	}
	return rd.result, err
}

// reader finds the records of an input.
type reader struct {
	*run
	window  *jsonscan.Window
	paths   []mapping.Path // where the records are
	records *jsonscan.Records
	skip    jsonscan.Skipper
	input   int
	batch   *batch
	result  result
}

// read hands all records of the input to the walkers, also those before an error.
func (r *reader) read() error {
	err := r.each()
	return cmp.Or(err, r.send())
}

func (r *reader) each() error {
	for most := r.opts.MaxRecords; most == 0 || r.result.records < most; {
		more, err := r.records.Next()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := r.record(); err != nil {
			return err
		}
	}
	if r.opts.Records != nil {
		r.result.finding.chosen = place{path: r.paths[r.records.Place], why: whyGiven}
	}
	return nil
}

// record judges the record at the window's position, and adds it to the batch if
// it is sound.
func (r *reader) record() error {
	w, records := r.window, r.records
	most := int(r.opts.Limits.RecordBytes)
	for large := records.Large; !large; {
		end := -1 - w.Pos - records.Broken
		r.skip.Reset()
		if records.Broken == 0 {
			end = r.skip.Value(w.Buf, w.Pos, 0)
		}
		if max(end, -1-end)-w.Pos > most {
			break
		}
		if end >= 0 {
			if r.skip.Found != "" {
				r.countBroken()
			} else if err := r.add(end); err != nil {
				return err
			}
			records.Accept(end)
			return nil
		}
		act, end, _, err := records.Fail(-1-end, r.skip.TooDeep)
		switch {
		case err != nil:
			return err
		case act == jsonscan.Bad:
			r.countBroken()
			records.Accept(end)
			return nil
		case act == jsonscan.Oversize:
			large = true
		}
	}
	r.countBroken()
	return records.Discard(func([]byte) error { return nil })
}

func (r *reader) countBroken() {
	r.result.brokenFirst = r.result.brokenFirst || r.result.records+r.result.broken == 0
	r.result.broken++
}

// add adds the record that ends at end to the batch.
func (r *reader) add(end int) error {
	r.result.records++
	if r.batch == nil {
		select {
		case r.batch = <-r.free:
		case <-r.ctx.Done():
			return r.ctx.Err()
		}
		r.batch.input, r.batch.inside = r.input, flatten.Inside(r.paths[r.records.Place])
	}
	b, w := r.batch, r.window
	b.records = append(b.records, span{len(b.text), w.Offset(w.Pos)})
	b.text = append(append(b.text, w.Buf[w.Pos:end]...), ' ')
	if len(b.text) >= batchBytes {
		return r.send()
	}
	return nil
}

// send hands the batch to the walkers.
func (r *reader) send() error {
	b := r.batch
	if b == nil {
		return nil
	}
	r.batch = nil
	b.text = append(b.text, make([]byte, jsonscan.Padding)...)
	select {
	case r.full <- b: // there is always room, but nobody may be left to take it
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}
