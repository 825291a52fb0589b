package runs

import (
	"container/list"
	"slices"
	"sync"
)

// Cache keeps roots and small runs that were read or written last, so that a batch reads
// only what others have written since the one before. It is safe for use by several
// goroutines, and for the ledgers of several tables in one store.
//
// It cannot make a commit wrong. Roots and runs never change, and no name is given twice.
// What is kept was compared with the checksums of its root when it was read, or was
// written by this process; if a root has other checksums for a name, the file is read. So
// what is kept is what every snapshot that names the file means. If the file is damaged or
// removed later, whoever reads it refuses, and the one who still knows what it said goes
// on: what it commits is right, and its next merge writes these entries again. [Files.Scan]
// takes nothing from here: what goes through a ledger to verify it sees the files.
type Cache struct {
	mu         sync.Mutex
	most, size int64
	kept       map[string]*list.Element
	order      list.List // of *kept; what was used last comes first
}

type kept struct {
	key   string
	value any // a *Root; a *run that was read; the bytes of one that was written
	size  int64
}

// mostKept is the size of a run that is worth its place: there are few of these, since
// eight of a size become one of the next.
const mostKept = 1 << 20

// NewCache makes a cache that holds a number of bytes at most.
func NewCache(most int64) *Cache { return &Cache{most: most, kept: map[string]*list.Element{}} }

// Size is the number of bytes that are kept.
func (c *Cache) Size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// get returns nil if there is nothing. A nil cache has nothing, and keeps nothing.
func (c *Cache) get(key string) any {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.kept[key]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*kept).value
}

func (c *Cache) put(key string, value any, size int64) {
	const overhead = 1 << 10 // of what is kept, with its place
	if size += overhead + int64(len(key)); c == nil || size > min(mostKept, c.most) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.kept[key]; e != nil {
		c.remove(e)
	}
	for c.size+size > c.most {
		c.remove(c.order.Back())
	}
	c.kept[key] = c.order.PushFront(&kept{key, value, size})
	c.size += size
}

func (c *Cache) remove(e *list.Element) {
	k := c.order.Remove(e).(*kept)
	c.size -= k.size
	delete(c.kept, k.key)
}

// same says whether a run is the one that a root means.
func (i *Info) same(other *Info) bool {
	return i.Bytes == other.Bytes && i.Keys == other.Keys && slices.Equal(i.Blocks, other.Blocks)
}

// beginning takes what is written, until it is more than a cache would keep.
type beginning struct {
	bytes []byte
	whole bool
}

func (b *beginning) Write(p []byte) (int, error) {
	if b.whole = b.whole && len(b.bytes)+len(p) <= mostKept; b.whole {
		b.bytes = append(b.bytes, p...)
	} else {
		b.bytes = nil
	}
	return len(p), nil
}

// size is about the memory that a root takes.
func (r *Root) size() (bytes int64) {
	for i := range r.Runs {
		n := &r.Runs[i]
		bytes += infoBytes + int64(len(n.Name)+len(n.First.Key)+len(n.First.Bucket)+len(n.Last.Key)+len(n.Last.Bucket)+4*len(n.Blocks))
	}
	return bytes
}

const infoBytes = 160 // of an Info without its texts
