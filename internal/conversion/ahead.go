package conversion

import (
	"errors"
	"fmt"

	"sluice/internal/jsonscan"
)

// ahead reads row groups of a file before it is known where they begin. Each
// lane guesses where its row group begins, after the border, and reads on from
// there. If the row group before it ends exactly there, the guess was right.
// Otherwise the work is thrown away, and the row group is read when its turn
// comes. So the output never depends on a guess.
type ahead struct {
	*stream      // continues where guesses fail
	file         part
	seam         jsonscan.Seam
	scouts       []*scout // of each lane
	hits, misses int
}

// scout reads row groups into a lane before their turn.
type scout struct {
	*lane
	decoder *decoder
	begin   int64 // offset of the first record that was read
}

// newAhead makes the schedule of a file with the given seam between records.
func newAhead(s *stream, file part, seam jsonscan.Seam) *ahead {
	a := &ahead{stream: s, file: file, seam: seam}
	for i, l := range s.lanes {
		d := s.decoder
		if i > 0 {
			d = d.another(s.ctx, l.batches)
		}
		a.scouts = append(a.scouts, &scout{lane: l, decoder: d})
	}
	return a
}

// run processes all row groups. The first has already begun, in the first lane.
func (a *ahead) run() error {
	first := a.decoder
	for i, s := range a.scouts[1:] {
		a.send(s, border(first.start, first.stride)+int64(i)*first.stride)
	}
	for i := 0; ; i++ {
		s := a.scouts[i%len(a.scouts)]
		if i == 0 || !a.arrived(s) {
			if err := a.read(s, i > 0); err != nil {
				return err
			}
		}
		if err := a.tables.write(s.lane); err != nil {
			return err
		}
		if a.progress.ended {
			return nil
		}
		s.reset()
		if a.lost() {
			return a.giveUp(s.decoder)
		}
		// The other lanes are already reading the row groups that follow.
		a.send(s, border(a.progress.next, first.stride)+int64(len(a.scouts)-2)*first.stride)
	}
}

// read reads the row group whose turn it is, and encodes it.
func (a *ahead) read(s *scout, seek bool) error {
	d := s.decoder
	if seek {
		if err := a.seek(d, a.progress.next); err != nil {
			a.progress.saw(d)
			return err
		}
		d.begin(s.batches, a.progress.counts.RecordsRead)
	}
	err := d.group()
	a.progress.took(d)
	if err != nil {
		return err
	}
	return s.encode(a.ctx)
}

// send lets a lane read the row group after the border before its turn.
func (a *ahead) send(s *scout, border int64) {
	if border < a.file.size {
		s.start(func() error { return a.scout(s, border) })
	}
}

// arrived reports whether the row group whose turn it is was read ahead into
// the lane, and takes it.
func (a *ahead) arrived(s *scout) bool {
	if !s.running {
		return false
	}
	if err := s.wait(); err != nil || s.begin != a.progress.next {
		a.misses++
		s.reset()
		return false
	}
	a.hits++
	a.progress.took(s.decoder)
	return true
}

// lost reports whether guesses cost more than they save.
func (a *ahead) lost() bool { return a.misses > 2 && 4*a.misses > a.hits }

// giveUp reads the rest from front to back, with the decoder that has read so
// far.
func (a *ahead) giveUp(d *decoder) error {
	for _, s := range a.scouts {
		_ = s.wait() // its result does not matter
		s.reset()
	}
	a.decoder = d
	d.begin(a.lanes[0].batches, a.progress.counts.RecordsRead)
	return a.stream.run()
}

// seek moves the decoder to the record at the offset at.
func (a *ahead) seek(d *decoder, at int64) error {
	a.move(d, at)
	r, err := a.seam.Resume(d.window)
	if err != nil {
		return fmt.Errorf("read input: %w", err)
	}
	d.reads(r, false)
	return nil
}

// move moves the decoder to the offset at, where it will find a record. Its
// batches are empty; values that wait for the next flush must be dropped too,
// since the last read may have stopped anywhere.
func (a *ahead) move(d *decoder, at int64) {
	d.flat.Bind(d.batches)
	d.window.Reset(a.file.from(at), at)
	d.in, d.found, d.ended = nil, true, false
}

var errNoGuess = errors.New("no record seems to begin here")

// scout reads the row group that may begin after the offset border, and
// encodes it.
func (a *ahead) scout(s *scout, border int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("read ahead: %v", r) // reported when the turn of this row group comes
		}
	}()
	d := s.decoder
	a.move(d, max(border-jsonscan.SeamBefore, 0))
	r, err := a.seam.Guess(d.window, border)
	switch {
	case err != nil:
		return err
	case r == nil:
		return errNoGuess
	}
	d.reads(r, true)
	s.begin = d.position()
	d.begin(s.batches, 0)
	if err := d.group(); err != nil {
		return err
	}
	return s.encode(a.ctx)
}
