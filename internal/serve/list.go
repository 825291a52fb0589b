package serve

import (
	"container/list"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/internal/ledger"
	"sluice/reason"
)

// maxObjects bounds the objects that are kept in memory, at some 500 bytes each: the
// newest. The ledger has them all.
const maxObjects = 100_000

// maxAttempts bounds what is remembered of one object since the start.
const maxAttempts = 10

// States of an object.
const (
	stateWaiting = "waiting"
	stateWorking = "working"
	stateDone    = "done"
	stateFailed  = "failed"
)

// hexID is an ID as the page has it.
type hexID ledger.ID

func (id hexID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// object is what the page shows of one source key.
type object struct {
	ID                 hexID                 `json:"id"`
	Key                string                `json:"key"`
	Size               int64                 `json:"size"`
	State              string                `json:"state"`
	Outcome            string                `json:"outcome"`
	RecordsRead        int64                 `json:"records_read"`
	RecordsCommitted   int64                 `json:"records_committed"`
	RecordsQuarantined int64                 `json:"records_quarantined"`
	RecordsSkipped     int64                 `json:"records_skipped"`
	Rows               int64                 `json:"rows"`
	Duplicate          bool                  `json:"duplicate"` // the last look found the state of the ledger
	Seconds            float64               `json:"seconds"`   // of the last processing since the start, else 0
	MBPerSecond        float64               `json:"mb_per_second"`
	Written            time.Time             `json:"written"` // the ledger entry; zero if there is none
	Mapping            string                `json:"mapping_sha256"`
	Reasons            map[reason.Code]int64 `json:"reasons"`
	Error              string                `json:"error"`
}

var noReasons = map[reason.Code]int64{}

// attempt is one processing of an object since the start.
type attempt struct {
	At      time.Time `json:"at"`
	What    string    `json:"what"`
	Seconds float64   `json:"seconds"`
	Error   string    `json:"error"`
}

// known is an object in the list.
type known struct {
	object
	etag     string // of the ledger entry; empty if none was read
	revision int64  // of the ledger entry
	number   int64  // higher ones came later
	attempts []attempt
}

// objects are the newest objects, the newest first: an object is as new as the last
// that happened to it.
type objects struct {
	most int // that are kept

	mu      sync.Mutex
	order   *list.List // of *known
	byID    map[ledger.ID]*list.Element
	number  int64
	counts  counts
	changed func(ledger.ID) // is told of every change
	hashes  map[string]string
}

func newObjects(changed func(ledger.ID)) *objects {
	return &objects{most: maxObjects, counts: counts{Loading: true}, order: list.New(), byID: map[ledger.ID]*list.Element{}, changed: changed, hashes: map[string]string{}}
}

// counts are of all objects in memory.
type counts struct {
	Objects            int64 `json:"objects"` // of the ledger, those that are not in memory too
	Older              int64 `json:"older"`   // of them not in memory
	Waiting            int64 `json:"waiting"`
	Working            int64 `json:"working"`
	Failed             int64 `json:"failed"`
	Rows               int64 `json:"rows"`
	RecordsQuarantined int64 `json:"records_quarantined"`
	Loading            bool  `json:"loading"` // the ledger is being read
}

func (c *counts) add(o *object, sign int64) {
	c.Objects += sign
	switch o.State {
	case stateWaiting:
		c.Waiting += sign
	case stateWorking:
		c.Working += sign
	case stateFailed:
		c.Failed += sign
	}
	c.Rows += sign * o.Rows
	c.RecordsQuarantined += sign * o.RecordsQuarantined
}

// change has edit change an object, which is made if it is new, and makes it the
// newest. If edit returns false, nothing has changed.
func (l *objects) change(bucket, key string, edit func(*known) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := ledger.IDOf(bucket, key)
	at := l.byID[id]
	if at == nil {
		k := &known{object: object{ID: hexID(id), Key: key, State: stateWaiting, Reasons: noReasons}}
		l.counts.add(&k.object, 1)
		at = l.order.PushFront(k)
		l.byID[id] = at
	}
	k := at.Value.(*known)
	before := k.object
	if !edit(k) {
		return
	}
	l.counts.add(&before, -1)
	l.counts.add(&k.object, 1)
	l.number++
	k.number = l.number
	l.order.MoveToFront(at)
	for len(l.byID) > l.most {
		l.remove(l.order.Back())
		l.counts.Older++
		l.counts.Objects++
	}
	l.changed(id)
}

// remove forgets an object. l.mu is locked.
func (l *objects) remove(at *list.Element) {
	k := at.Value.(*known)
	l.counts.add(&k.object, -1)
	l.order.Remove(at)
	delete(l.byID, ledger.ID(k.ID))
}

// forget forgets an object that is neither in the source nor in the ledger.
func (l *objects) forget(id ledger.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.byID[id]; at != nil {
		l.remove(at)
		l.changed(id)
	}
}

// mark is the number of the last change.
func (l *objects) mark() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number
}

// prune forgets objects whose entry is gone from the ledger, as it was listed after
// mark. older is the number of entries that are not read.
func (l *objects) prune(there map[ledger.ID]bool, older, mark int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, at := range l.byID {
		if k := at.Value.(*known); older == 0 && k.etag != "" && !there[id] && k.State == stateDone && k.number <= mark {
			l.remove(at)
		}
	}
	l.counts.Objects += older - l.counts.Older
	l.counts.Older = older
}

// loaded says that the ledger was read.
func (l *objects) loaded() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Loading = false
}

// etag is that of the ledger entry which an object shows; empty if none was read.
func (l *objects) etag(id ledger.ID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := l.byID[id]; at != nil {
		return at.Value.(*known).etag
	}
	return ""
}

// account shows what an entry of the ledger says, unless a newer one is shown.
// edit, if not nil, changes more.
func (l *objects) account(e *ledger.Entry, etag string, written time.Time, edit func(*known)) {
	l.change(e.Bucket, e.Key, func(k *known) bool {
		if edit != nil {
			defer edit(k)
		}
		if e.Revision < k.revision {
			return edit != nil
		}
		k.etag, k.revision, k.Written = etag, e.Revision, written
		if s := e.State; s != nil {
			k.Outcome, k.Reasons, k.Error = string(s.Outcome), noReasons, ""
			if len(s.Reasons) > 0 {
				k.Reasons = s.Reasons
			}
			k.RecordsRead, k.RecordsCommitted, k.RecordsQuarantined, k.RecordsSkipped = s.RecordsRead, s.RecordsCommitted, s.RecordsQuarantined, s.RecordsSkipped
			k.Rows = s.RowsWritten
			k.Mapping = l.hash(s.Mapping)
			if k.State != stateWorking {
				k.State = stateDone
			}
			if k.Size == 0 {
				k.Size = s.BytesRead
			}
		}
		return true
	})
}

// hash is a text that many objects have, once in memory. l.mu is locked.
func (l *objects) hash(text string) string {
	if len(l.hashes) > 10_000 {
		clear(l.hashes)
	}
	if _, ok := l.hashes[text]; !ok {
		l.hashes[text] = strings.Clone(text)
	}
	return l.hashes[text]
}

// get is an object and its attempts; false if it is not in memory.
func (l *objects) get(id ledger.ID) (object, []attempt, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.byID[id]
	if at == nil {
		return object{}, nil, false
	}
	k := at.Value.(*known)
	return k.object, slices.Clone(k.attempts), true
}

// listQuery says which objects are listed.
type listQuery struct {
	find, outcome, state string
	before               int64 // the number that the page before this one ended with; 0: the first page
	limit                int
}

// list lists objects, the newest first. next is the listQuery.before of the next page;
// 0 if there is none.
func (l *objects) list(q listQuery) (found []object, total int, next int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	found = []object{}
	last := int64(0)
	for at := l.order.Front(); at != nil; at = at.Next() {
		k := at.Value.(*known)
		if q.find != "" && !strings.Contains(k.Key, q.find) && (len(q.find) != 64 || hexOf(k.ID) != q.find) ||
			q.outcome != "" && k.Outcome != q.outcome || q.state != "" && k.State != q.state {
			continue
		}
		total++
		if q.before != 0 && k.number >= q.before {
			continue
		}
		if len(found) < q.limit {
			found = append(found, k.object)
			last = k.number
		} else if next == 0 {
			next = last
		}
	}
	return found, total, next
}

func hexOf(id hexID) string { return ledger.ID(id).String() }

// all are the counts.
func (l *objects) all() counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}
