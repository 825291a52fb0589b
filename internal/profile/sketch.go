package profile

// Sketch estimates how many different values there were.
type Sketch struct{}
