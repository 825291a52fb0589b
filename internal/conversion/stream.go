package conversion

import "context"

// stream reads an input from front to back. While one row group is read, those
// before it are encoded in the other lanes, and written in their order.
type stream struct {
	ctx      context.Context
	decoder  *decoder
	lanes    []*lane
	tables   *tableFiles
	progress *progress
}

// run processes all row groups. The decoder has already begun the first, in the
// first lane.
func (s *stream) run() error {
	for i := 0; ; i++ {
		l := s.lanes[i%len(s.lanes)]
		err := s.decoder.group()
		s.progress.took(s.decoder)
		if err != nil {
			// An earlier row group may fail too, and its error comes first.
			if earlier := s.writeAll(i + 1); earlier != nil {
				return earlier
			}
			return err
		}
		l.start(func() error { return l.encode(s.ctx) })
		if s.progress.ended {
			return s.writeAll(i + 1)
		}
		next := s.lanes[(i+1)%len(s.lanes)]
		if next.running {
			if err := s.write(next); err != nil {
				return err
			}
			next.reset()
		}
		s.decoder.begin(next.batches, s.progress.counts.RecordsRead)
	}
}

// write writes the row group that is encoded in a lane, if there is one.
func (s *stream) write(l *lane) error {
	if !l.running {
		return nil
	}
	if err := l.wait(); err != nil {
		return err
	}
	return s.tables.write(l)
}

// writeAll writes the row groups that are being encoded. The oldest is in the
// lane that the row group next would use.
func (s *stream) writeAll(next int) error {
	for i := range s.lanes {
		if err := s.write(s.lanes[(next+i)%len(s.lanes)]); err != nil {
			return err
		}
	}
	return nil
}
