package sluice

// WithRowGroups returns the options with row groups of so many bytes of input,
// so that a test needs no large one to have several.
func (o Options) WithRowGroups(bytes int64) Options {
	o.rowGroup = bytes
	return o
}
