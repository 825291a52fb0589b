package sluice

// WithRowGroups returns the options with row groups of so many bytes of input
// and so many rows, so that a test needs no large one to have several.
func (o Options) WithRowGroups(bytes int64, rows int) Options {
	o.rowGroup, o.rowGroupRows = bytes, rows
	return o
}
