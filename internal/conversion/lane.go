package conversion

import (
	"context"
	"fmt"

	"sluice/internal/batch"
	"sluice/internal/flatten"
	"sluice/internal/parquetfile"
	"sluice/mapping"
)

// lane holds one row group of every table while it is filled and encoded. With
// n lanes, each gets every n-th row group.
type lane struct {
	batches  []*batch.Batch
	encoders []*parquetfile.Encoder
	groups   []*parquetfile.RowGroup // what encode made of the batches
	running  bool                    // a goroutine works on it and will send to done
	done     chan error              // what went wrong
}

func newLane(m *mapping.Mapping, codec string) (*lane, error) {
	l := &lane{done: make(chan error, 1), groups: make([]*parquetfile.RowGroup, len(m.Tables))}
	for i := range m.Tables {
		t := &m.Tables[i]
		e, err := parquetfile.NewEncoder(codec)
		if err != nil {
			return nil, err
		}
		l.encoders = append(l.encoders, e)
		l.batches = append(l.batches, batch.New(m.Schema(t), flatten.Levels(m, t), t.Levels()))
	}
	return l, nil
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
		b.Finish()
		if l.groups[i], err = l.encoders[i].Encode(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (l *lane) reset() {
	for _, b := range l.batches {
		b.Reset()
	}
}
