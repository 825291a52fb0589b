package conversion

import (
	"context"
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/jsonscan"
	"sluice/internal/parquetfile"
	"sluice/mapping"
)

// lane holds one row group of every table while it is filled and encoded. With
// n lanes, each gets every n-th row group.
type lane struct {
	m        *mapping.Mapping
	outputs  []Output
	batches  []*batch.Batch
	begins   []batch.Mark            // of the row group in each batch: rows of others may stand before it
	encoders []*parquetfile.Encoder  // nil: the output takes batches
	groups   []*parquetfile.RowGroup // what encode made of the batches
	running  bool                    // a goroutine works on it and will send to done
	done     chan error              // what went wrong
}

func newLane(m *mapping.Mapping, outputs []Output, codec string) (*lane, error) {
	n := len(outputs)
	l := &lane{
		m: m, outputs: outputs, done: make(chan error, 1),
		batches: make([]*batch.Batch, n), begins: make([]batch.Mark, n), encoders: make([]*parquetfile.Encoder, n), groups: make([]*parquetfile.RowGroup, n),
	}
	for i := range outputs {
		if outputs[i].File == nil {
			continue
		}
		var err error
		if l.encoders[i], err = parquetfile.NewEncoder(codec); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Levels are the levels of the columns of a table, and of n constants after them.
func Levels(m *mapping.Mapping, t *mapping.Table, n int) []int {
	return append(flatten.Levels(m, t), make([]int, n)...)
}

// start runs work, on the lane's row group, in a goroutine.
func (l *lane) start(work func() error) {
	l.running = true
	go func() { l.done <- work() }()
}

// wait waits until no goroutine works on the lane.
func (l *lane) wait() error {
	if !l.running {
		return nil
	}
	l.running = false
	return <-l.done
}

// encode makes the row groups. A panic in a library ends only this conversion,
// not the process.
func (l *lane) encode(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("encode row group: internal error: %v", r)
		}
	}()
	for i, b := range l.batches {
		constants := l.outputs[i].Constants
		for j, value := range constants {
			b.Columns[len(b.Columns)-len(constants)+j].Fill(l.begins[i].Elems[0], jsonscan.Hash([]byte(value)), value)
		}
		if b == l.outputs[i].Into {
			continue
		}
		b.Finish()
		if e := l.encoders[i]; e == nil {
			l.groups[i] = nil
		} else if l.groups[i], err = e.Encode(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// open gives the lane the batches of the first row group: those of the outputs, or
// empty ones.
func (l *lane) open() {
	for i := range l.outputs {
		if into := l.outputs[i].Into; into != nil {
			l.batches[i], l.begins[i] = into, into.Mark()
		} else {
			l.resetTable(i)
		}
	}
}

// reset gives the lane empty batches.
func (l *lane) reset() {
	for i := range l.batches {
		l.resetTable(i)
	}
}

func (l *lane) resetTable(i int) {
	l.begins[i] = batch.Mark{}
	if b := l.batches[i]; b != nil {
		b.Reset()
		return
	}
	t, out := &l.m.Tables[i], &l.outputs[i]
	l.batches[i] = batch.New(out.Schema, Levels(l.m, t, len(out.Constants)), t.Levels())
}
