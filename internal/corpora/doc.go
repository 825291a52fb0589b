// Package corpora holds tests over files that are not part of the repository:
// they lie beside it, in ../shared, and are read with the build tag corpora
// only, as `make check` does. Under the tag a missing file is a failure; no
// test is skipped.
package corpora
