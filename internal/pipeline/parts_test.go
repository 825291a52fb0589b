package pipeline_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// A large object of a folder is read in parts, side by side. If the file is changed
// meanwhile, it is read again.
func TestReadInParts(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := 0; text.Len() < 40<<20; i++ {
		want = append(want, strconv.Itoa(i))
		text.WriteString(`{"id":` + want[i] + `,"text":"` + strings.Repeat(want[i]+" ", 30) + "\"}\n")
	}
	rows := len(want)
	for _, change := range []bool{false, true} {
		w := newWorld(t, folder(t), folder(t))
		w.put(t, "in/large.json", text.String())
		source := &parts{Store: w.source}
		if change {
			source.then = func() error {
				f, err := os.OpenFile(filepath.Join(w.source.String(), "in", "large.json"), os.O_APPEND|os.O_WRONLY, 0)
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = f.WriteString("{\"id\":-1}\n")
				return err
			}
		}
		p := w.over(w.p.Mapping, source, w.sink)
		p.Threads = 2
		r, err := p.Process(t.Context(), "raw", "in/large.json")
		if !source.apart {
			t.Error("no part was read before its turn")
		}
		_, data := w.output(t, "in/large.json")
		if change {
			want = append(want, "-1")
		}
		if err != nil || r.Disposition != pipeline.DidCommit || source.opened != 1+len(want)-rows {
			t.Errorf("%v, %v; opened %d times", r.Disposition, err, source.opened)
		}
		if !slices.Equal(ids(t, data), want) {
			t.Errorf("changed: %v: the rows are not those of the source", change)
		}
	}
}

// parts is a folder whose objects say when they are not read from front to back.
type parts struct {
	store.Store
	then func() error // called when that happens first

	mu     sync.Mutex
	opened int
	next   int64
	apart  bool
}

func (s *parts) Open(ctx context.Context, key string) (store.Object, error) {
	o, err := s.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	return partsObject{o, o.(io.ReaderAt), s}, nil
}

type partsObject struct {
	store.Object
	at io.ReaderAt
	s  *parts
}

func (o partsObject) ReadAt(p []byte, offset int64) (int, error) {
	if err := o.s.saw(offset, len(p)); err != nil {
		return 0, err
	}
	return o.at.ReadAt(p, offset)
}

func (s *parts) saw(offset int64, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if offset <= s.next {
		s.next = max(s.next, offset+int64(n))
		return nil
	}
	if s.apart = true; s.then == nil {
		return nil
	}
	then := s.then
	s.then = nil
	return then()
}
