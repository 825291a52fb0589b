package erase

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"sluice/internal/store"
)

// Quarantine is what was found in the files of quarantined records. Its JSON names are a
// contract.
type Quarantine struct {
	Read      int      `json:"files_read"`
	Rewritten int      `json:"files_rewritten"`
	Records   int64    `json:"records_removed"`
	Unread    []string `json:"files_unread"`
}

// quarantineEnd ends the names of files of quarantined records.
const quarantineEnd = ".records.ndjson"

// mostLine bounds an entry that is held in memory.
const mostLine = 512 << 20

// quarantine takes records of persons out of the files of quarantined records, those of
// older states too.
func (e *eraser) quarantine(ctx context.Context) error {
	p := e.s.Pipeline
	var mu sync.Mutex
	w := newWorkers(ctx, e.workers)
	err := p.Quarantine.List(ctx, p.QuarantinePrefix, func(info store.Info) error {
		if info.Err != nil || !strings.HasSuffix(info.Key, quarantineEnd) {
			return nil
		}
		return w.start(func(ctx context.Context) error {
			var n int64
			var err error
			for try := 0; ; try++ {
				if n, err = e.quarantineFile(ctx, info.Key); !store.IsRace(err) || try == mostTries {
					break
				}
			}
			mu.Lock()
			defer mu.Unlock()
			e.progress(1)
			q := &e.report.Quarantine
			switch {
			case errors.Is(err, store.ErrNotFound):
				return nil
			case errors.Is(err, errLine):
				q.Unread = append(q.Unread, info.Key)
				return nil
			case err != nil:
				return fmt.Errorf("look for records in %q: %w", info.Key, err)
			}
			q.Read++
			if q.Records += n; n > 0 {
				q.Rewritten++
			}
			return nil
		})
	})
	err = errors.Join(w.wait(), err)
	slices.Sort(e.report.Quarantine.Unread)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	return nil
}

var errLine = errors.New("an entry is damaged, or too large to be read")

// quarantineFile writes a file again without records, and returns their number.
func (e *eraser) quarantineFile(ctx context.Context, key string) (n int64, err error) {
	in, err := e.s.Pipeline.Quarantine.Open(ctx, key)
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if n, err = e.sift(in, io.Discard); err != nil || n == 0 || e.o.DryRun {
		return n, err
	}
	again, err := e.s.Pipeline.Quarantine.Open(ctx, key)
	if err != nil {
		return 0, err
	}
	defer again.Close()
	info := again.Info()
	out, err := e.s.Pipeline.Quarantine.Create(ctx, key, store.CreateOptions{ContentType: "application/x-ndjson", Meta: info.Meta})
	if err != nil {
		return 0, err
	}
	defer out.Abort(ctx) //nolint:errcheck // after a commit it does nothing; else what stays is invisible
	if n, err = e.sift(again, out); err != nil {
		return 0, err
	}
	_, err = out.Commit(ctx, store.IfMatch(info.ETag))
	return n, err
}

// sift copies the entries that stay.
func (e *eraser) sift(in io.Reader, out io.Writer) (gone int64, err error) {
	lines := bufio.NewReaderSize(in, 64<<10)
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		if line = append(line, part...); len(line) > mostLine {
			return gone, errLine
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && err != io.EOF:
			return gone, err
		}
		if len(line) > 0 {
			is, lineErr := e.isTheirs(line)
			if lineErr != nil {
				return gone, lineErr
			}
			if is {
				gone++
			} else if _, err := out.Write(line); err != nil {
				return gone, err
			}
		}
		if line = line[:0]; err == io.EOF {
			return gone, nil
		}
	}
}

// isTheirs reports whether an entry of a quarantine file is of a person.
func (e *eraser) isTheirs(line []byte) (bool, error) {
	var entry struct {
		Path string  `json:"path"`
		Raw  *string `json:"raw"`
		Base []byte  `json:"raw_base64"`
	}
	if err := json.Unmarshal(line, &entry); err != nil {
		return false, errLine
	}
	raw := entry.Base
	if entry.Raw != nil {
		raw = []byte(*entry.Raw)
	}
	return e.find.texts.has(raw) || e.find.contains([]byte(entry.Path)), nil
}
