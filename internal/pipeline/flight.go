package pipeline

// Bounds for the objects in work at once. A small object mostly waits for the store
// and needs almost no memory; a large one needs memory and a processor.
const (
	SmallObject = 256 << 10 // bytes as they are stored, up to which an object is small
	SmallAtOnce = 64        // small objects in work at once
)

// Flight bounds the objects that all workers together have in work.
type Flight struct{ large chan struct{} }

// NewFlight allows this number of large objects in work at once.
func NewFlight(large int) *Flight { return &Flight{make(chan struct{}, max(large, 1))} }

// Enter waits until there is room for an object of this size. An unknown size
// (below 0) counts as large. leave frees the room again.
func (f *Flight) Enter(size int64) (leave func()) {
	if size >= 0 && size <= SmallObject {
		return func() {}
	}
	f.large <- struct{}{}
	return func() { <-f.large }
}
