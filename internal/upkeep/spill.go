package upkeep

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// fact is that so many rows are of a source, in a state: of the table, or as the ledger
// says.
type fact struct {
	source source
	state  uint64
	kind   kind
	rows   int64
}

type kind int64

const (
	found kind = iota // in the table
	shown             // by the entry of a key
)

func (f *fact) compare(other *fact) int {
	return cmp.Or(cmp.Compare(f.source.hash, other.source.hash), cmp.Compare(f.source.seen, other.source.seen),
		cmp.Compare(f.state, other.state), cmp.Compare(f.kind, other.kind))
}

const (
	factBytes = 5 * 8
	heldFacts = 1 << 20 // 40 MB
)

// facts are put in order, with those of the same source, state and kind as one. Beyond
// most of them they are put into temporary files, so memory does not grow with their
// number.
type facts struct {
	most  int
	held  []fact
	files []*os.File
}

// add adds a fact.
func (f *facts) add(one fact) error {
	if len(f.held) == f.most {
		if f.fold(); len(f.held) > f.most/2 {
			if err := f.spill(); err != nil {
				return fmt.Errorf("write temporary file: %w", err)
			}
		}
	}
	f.held = append(f.held, one)
	return nil
}

// fold puts what is held in order.
func (f *facts) fold() {
	slices.SortFunc(f.held, func(a, b fact) int { return a.compare(&b) })
	folded := f.held[:0]
	for _, one := range f.held {
		if n := len(folded); n > 0 && folded[n-1].compare(&one) == 0 {
			folded[n-1].rows += one.rows
			continue
		}
		folded = append(folded, one)
	}
	f.held = folded
}

func (f *facts) spill() error {
	file, err := os.CreateTemp("", "sluice-*.facts")
	if err != nil {
		return err
	}
	f.files = append(f.files, file)
	w := bufio.NewWriterSize(file, 1<<20)
	var b [factBytes]byte
	for i := range f.held {
		one := &f.held[i]
		for n, v := range []uint64{one.source.hash, uint64(one.source.seen), one.state, uint64(one.kind), uint64(one.rows)} {
			binary.LittleEndian.PutUint64(b[8*n:], v)
		}
		if _, err := w.Write(b[:]); err != nil {
			return err
		}
	}
	f.held = f.held[:0]
	return w.Flush()
}

// each calls fn with all facts in order, until it returns an error. Nothing is added
// after it.
func (f *facts) each(fn func(*fact) error) error {
	f.fold()
	next := []*factReader{{held: f.held}}
	for _, file := range f.files {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read temporary file: %w", err)
		}
		next = append(next, &factReader{from: bufio.NewReaderSize(file, 64<<10)})
	}
	for _, r := range next {
		if err := r.advance(); err != nil {
			return err
		}
	}
	for {
		next = slices.DeleteFunc(next, func(r *factReader) bool { return r.ended })
		if len(next) == 0 {
			return nil
		}
		least := next[0].at
		for _, r := range next[1:] {
			if r.at.compare(&least) < 0 {
				least = r.at
			}
		}
		least.rows = 0
		for _, r := range next {
			if r.at.compare(&least) != 0 {
				continue
			}
			least.rows += r.at.rows
			if err := r.advance(); err != nil {
				return err
			}
		}
		if err := fn(&least); err != nil {
			return err
		}
	}
}

// factReader reads facts that are in order, each once.
type factReader struct {
	held  []fact
	from  *bufio.Reader // or nil
	at    fact
	ended bool
}

func (r *factReader) advance() error {
	if r.from == nil {
		if r.ended = len(r.held) == 0; !r.ended {
			r.at, r.held = r.held[0], r.held[1:]
		}
		return nil
	}
	var b [factBytes]byte
	if _, err := io.ReadFull(r.from, b[:]); errors.Is(err, io.EOF) {
		r.ended = true
		return nil
	} else if err != nil {
		return fmt.Errorf("read temporary file: %w", err)
	}
	number := func(n int) uint64 { return binary.LittleEndian.Uint64(b[8*n:]) }
	r.at = fact{source{number(0), int64(number(1))}, number(2), kind(number(3)), int64(number(4))}
	return nil
}

// close removes the temporary files.
func (f *facts) close() error {
	var failed []error
	for _, file := range f.files {
		failed = append(failed, file.Close(), os.Remove(file.Name()))
	}
	f.files = nil
	return errors.Join(failed...)
}
