package pipeline

// What bounds the objects in work at once: a small one is a matter of some
// waits for the store and of next to no memory, a large one of memory and of a
// processor.
const (
	SmallObject = 256 << 10 // bytes as they are stored, up to which an object is small
	SmallAtOnce = 64        // small objects in work at once
)

// Flight bounds what a number of workers have in work.
type Flight struct{ large chan struct{} }

// NewFlight lets so many large objects be in work at once.
func NewFlight(large int) *Flight { return &Flight{make(chan struct{}, max(large, 1))} }

// Enter waits until there is room for an object of a size, which is that of a
// large one if it is not known (below 0). leave makes the room free again.
func (f *Flight) Enter(size int64) (leave func()) {
	if size >= 0 && size <= SmallObject {
		return func() {}
	}
	f.large <- struct{}{}
	return func() { <-f.large }
}
