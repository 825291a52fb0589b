package lake

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice"
	"sluice/internal/jsonscan"
	"sluice/internal/ledger"
	"sluice/internal/quarantine"
	"sluice/internal/store"
	"sluice/reason"
)

// Held is what is in quarantine, and what was rejected.
type Held struct {
	Reasons []HeldReason `json:"reasons"` // most records first
	Objects []HeldEntry  `json:"objects"` // newest first, at most 1,000
	Total   int          `json:"total"`   // objects
}

// HeldEntry is an object with records in quarantine, or one that was rejected, as the
// ledger shows it.
type HeldEntry struct {
	ID                 string    `json:"id"`
	Key                string    `json:"key"`
	Size               int64     `json:"size"`    // as it was read, so compressed
	State              string    `json:"state"`   // "done"
	Outcome            string    `json:"outcome"` // quarantine or reject
	RecordsRead        int64     `json:"records_read"`
	RecordsCommitted   int64     `json:"records_committed"`
	RecordsQuarantined int64     `json:"records_quarantined"`
	RecordsSkipped     int64     `json:"records_skipped"`
	Rows               int64     `json:"rows"` // of this state
	Written            time.Time `json:"written"`
	Mapping            string    `json:"mapping_sha256"`
	// Reasons counts records in quarantine by their code. Of a reject it has the code of
	// the object, with 0.
	Reasons map[reason.Code]int64 `json:"reasons"`
}

// held is what the ledger shows of an entry that is held.
func (e *Entry) held() HeldEntry {
	s := e.State
	h := HeldEntry{
		ID: e.ID.String(), Key: e.Key, Size: s.BytesRead, State: "done", Outcome: string(s.Outcome), Written: e.Written.UTC(), Mapping: s.Mapping,
		RecordsRead: s.RecordsRead, RecordsCommitted: s.RecordsCommitted, RecordsQuarantined: s.RecordsQuarantined, RecordsSkipped: s.RecordsSkipped,
		Rows: s.RowsWritten, Reasons: s.Reasons,
	}
	if s.Outcome == sluice.Reject {
		h.Reasons = map[reason.Code]int64{s.Reason: 0}
	}
	return h
}

// HeldReason counts a code. Records is 0 if only whole objects were rejected for it.
type HeldReason struct {
	Code    reason.Code `json:"code"`
	Records int64       `json:"records"`
	Objects int64       `json:"objects"`
}

const maxHeld = 1000

// isHeld reports whether an entry has records in quarantine, or is rejected.
func (e *Entry) isHeld() bool {
	return e.State != nil && (e.State.Outcome == sluice.Quarantine || e.State.Outcome == sluice.Reject)
}

// Held lists what is in quarantine.
func (l *Lake) Held(ctx context.Context) (*Held, error) {
	s, err := l.State(ctx)
	if err != nil {
		return nil, err
	}
	h := &Held{Reasons: []HeldReason{}, Objects: []HeldEntry{}}
	codes := map[reason.Code]*HeldReason{}
	for _, e := range s.Entries {
		if !e.isHeld() {
			continue
		}
		o := e.held()
		for code, n := range o.Reasons {
			if codes[code] == nil {
				codes[code] = &HeldReason{Code: code}
			}
			codes[code].Records += n
			codes[code].Objects++
		}
		h.Objects = append(h.Objects, o)
	}
	for _, r := range codes {
		h.Reasons = append(h.Reasons, *r)
	}
	slices.SortFunc(h.Reasons, func(a, b HeldReason) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Code, b.Code))
	})
	slices.SortStableFunc(h.Objects, func(a, b HeldEntry) int { return b.Written.Compare(a.Written) })
	h.Total = len(h.Objects)
	h.Objects = h.Objects[:min(len(h.Objects), maxHeld)]
	return h, nil
}

// HeldObject is why an object was rejected, or some of its records in quarantine.
type HeldObject struct {
	Rejected *HeldReject  `json:"rejected"`
	Records  []HeldRecord `json:"records"`
	Next     string       `json:"next"` // where to go on, or empty
}

// HeldReject says why an object was rejected.
type HeldReject struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Offset int64  `json:"offset"` // byte of the decompressed object
}

// HeldRecord is a record in quarantine.
type HeldRecord struct {
	Record int64  `json:"record"` // ordinal in the object, from 0
	Offset int64  `json:"offset"` // of its first byte in the decompressed object
	Reason string `json:"reason"`
	Path   string `json:"path"`
	// Raw is the text of the record, or a part of it of 64 KiB in which the fault lies.
	// It begins From bytes after the beginning of the record. Fault is where the fault
	// lies in Raw, in bytes; -1 if that is not known.
	Raw     string `json:"raw"`
	From    int64  `json:"from"`
	Cut     bool   `json:"cut"`  // Raw is not all of it
	Size    int64  `json:"size"` // bytes of the record; -1 if it was too large to be counted
	Fault   int    `json:"fault"`
	Mapping string `json:"mapping_sha256"` // that it does not fit
}

const (
	shownBytes  = 64 << 10 // of a record
	beforeFault = 48 << 10 // of them before the fault, if a record is cut
	heldBytes   = 1 << 20  // of a record with an entry of six times that, only the beginning is shown
	maxReport   = 16 << 20
)

// MaxRecords is the number of records that [Lake.HeldObject] gives at most.
const MaxRecords = 200

// HeldObject reads the records of an object, from the place that an earlier answer
// named as Next; empty for the first ones.
func (l *Lake) HeldObject(ctx context.Context, id ledger.ID, after string, limit int) (*HeldObject, error) {
	s, err := l.State(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.Entries, func(e *Entry) bool { return e.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("read quarantine: %w", &UnknownError{"object", id.String()})
	}
	e := s.Entries[i]
	h := &HeldObject{Records: []HeldRecord{}}
	if !e.isHeld() {
		return h, nil
	}
	if e.State.Outcome == sluice.Reject {
		h.Rejected = &HeldReject{Reason: string(e.State.Reason), Detail: e.State.Detail}
		h.Rejected.Offset, err = l.rejectOffset(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("read quarantine of %q: %w", e.Key, err)
		}
	}
	if e.State.Quarantine == "" {
		return h, nil
	}
	if err := l.records(ctx, h, e, after, max(min(limit, MaxRecords), 1)); err != nil {
		return nil, fmt.Errorf("read quarantine of %q: %w", e.Key, err)
	}
	return h, nil
}

// rejectOffset is what the report says, which may have expired; 0 if nothing does.
func (l *Lake) rejectOffset(ctx context.Context, e *Entry) (int64, error) {
	if e.State.Report == "" {
		return 0, nil
	}
	text, _, err := store.Get(ctx, l.at().Pipeline.Quarantine, e.State.Report, maxReport)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var report struct {
		Offset int64 `json:"offset"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return 0, fmt.Errorf("report %s is damaged", e.State.Report)
	}
	return report.Offset, nil
}

// records reads entries of the quarantine file, from a byte of it on.
func (l *Lake) records(ctx context.Context, h *HeldObject, e *Entry, after string, limit int) error {
	at := int64(0)
	info, err := l.at().Pipeline.Quarantine.Head(ctx, e.State.Quarantine)
	if err != nil {
		return err
	}
	if after != "" {
		if at, err = parsePlace(after, info); err != nil {
			return err
		}
	}
	from := io.NewSectionReader(&reader{ctx: ctx, store: l.at().Pipeline.Quarantine, info: info}, at, info.Size-at)
	w := jsonscan.NewWindow(ctx, from)
	r := quarantine.NewReader(w, heldBytes)
	for len(h.Records) < limit {
		entry, raw, err := r.Next()
		var record HeldRecord
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, quarantine.ErrTooLarge):
			var head []byte
			if err := r.Discard(func(b []byte) error {
				head = append(head, b[:min(len(b), 2*shownBytes-len(head))]...)
				return nil
			}); err != nil {
				return err
			}
			entry, raw = begins(head)
			record = shown(entry, raw, -1)
		case err != nil:
			return err
		default:
			record = shown(entry, raw, int64(len(raw)))
		}
		record.Mapping = e.State.Mapping
		h.Records = append(h.Records, record)
	}
	if next := at + w.Offset(w.Pos); next < info.Size-1 { // the last line end is no record
		h.Next = fmt.Sprintf("%d-%s", next, info.ETag)
	}
	return nil
}

// parsePlace reads a place in a quarantine file. It is of no use in another state of the
// file.
func parsePlace(after string, info store.Info) (at int64, err error) {
	number, etag, _ := strings.Cut(after, "-")
	if _, err := fmt.Sscanf(number, "%d", &at); err != nil || at < 0 || at > info.Size || fmt.Sprint(at) != number {
		return 0, &RequestError{fmt.Sprintf("after=%q is no place in the quarantine", after)}
	}
	if etag != info.ETag {
		return 0, store.ErrChanged
	}
	return at, nil
}

// begins reads what it can of an entry that is too large: it is as sluice writes
// entries, with the record last.
func begins(head []byte) (e quarantine.Entry, raw []byte) {
	for _, member := range []string{`,"raw":"`, `,"raw_base64":"`} {
		i := bytes.Index(head, []byte(member))
		if i < 0 || json.Unmarshal(append(slices.Clip(head[:i]), '}'), &e) != nil {
			continue
		}
		text := head[i+len(member):]
		if strings.Contains(member, "64") {
			raw, _ = base64.StdEncoding.DecodeString(string(text[:len(text)/4*4])) // as far as it can be read
			return e, raw
		}
		// The text may end within an escape sequence.
		if cut := bytes.LastIndexByte(text[max(len(text)-12, 0):], '\\'); cut >= 0 {
			text = text[:max(len(text)-12, 0)+cut]
		}
		return e, jsonscan.Unescape(nil, append(text, make([]byte, jsonscan.Padding)...)[:len(text)])
	}
	return e, nil
}

// shown is a record of size bytes, of which raw is the beginning.
func shown(e quarantine.Entry, raw []byte, size int64) HeldRecord {
	r := HeldRecord{
		Record: e.Record, Offset: e.Offset, Reason: string(e.Reason), Path: e.Path, Size: size, Fault: -1,
	}
	fault := e.ErrorOffset - e.Offset
	if fault < 0 || fault > int64(len(raw)) {
		fault = -1
	}
	from, to := 0, min(len(raw), shownBytes)
	if fault > beforeFault && len(raw) > shownBytes {
		from = min(int(fault)-beforeFault, len(raw)-shownBytes)
		for from < len(raw) && !utf8.RuneStart(raw[from]) {
			from++
		}
		to = min(from+shownBytes, len(raw))
	}
	for to < len(raw) && to > from && !utf8.RuneStart(raw[to]) {
		to--
	}
	r.From, r.Cut = int64(from), from > 0 || to < len(raw) || size != int64(len(raw))
	// Bytes that are no UTF-8 become three bytes each, so the place of the fault moves.
	if at := int(fault) - from; fault >= 0 && at >= 0 && at <= to-from {
		r.Fault = len(bytes.ToValidUTF8(raw[from:from+at], []byte("\ufffd")))
	}
	r.Raw = string(bytes.ToValidUTF8(raw[from:to], []byte("\ufffd")))
	return r
}
