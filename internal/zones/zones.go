// Package zones has the rules of all time zones inside of it, so that a local
// time is the same moment on every machine, and in a function without any
// files.
package zones

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/internal/suggest"
)

//go:generate go run generate.go

// Release is the release of the IANA time zone database.
const Release = "2025c"

// packed is one line "NAME START LENGTH" for each zone, an empty line, and
// their files (RFC 9636), compressed. Many names have one file.
//
//go:embed zones.deflate
var packed []byte

type place struct{ start, length int }

type rules struct {
	names []string
	files map[string]place
	data  []byte
}

// unpack is done once, by the first mapping that names a zone.
var unpack = sync.OnceValues(func() (*rules, error) {
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("unpack time zones: %w", err)
	}
	r := &rules{files: map[string]place{}}
	list, data, _ := bytes.Cut(data, []byte("\n\n"))
	for line := range bytes.Lines(list) {
		f := strings.Fields(string(line))
		start, err1 := strconv.Atoi(f[1])
		length, err2 := strconv.Atoi(f[2])
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("unpack time zones: %w", err)
		}
		r.names = append(r.names, f[0])
		r.files[f[0]] = place{start, length}
	}
	r.data = data
	return r, nil
})

// Names are the names of all zones.
func Names() ([]string, error) {
	r, err := unpack()
	if err != nil {
		return nil, err
	}
	return r.names, nil
}

// Load returns the zone of a name, such as Europe/Berlin.
func Load(name string) (*time.Location, error) {
	r, err := unpack()
	if err != nil {
		return nil, err
	}
	p, ok := r.files[name]
	if !ok {
		return nil, fmt.Errorf("zone %q is no name of the IANA time zone database %s; use one such as Europe/Berlin%s", name, Release, suggest.DidYouMean(name, r.names))
	}
	zone, err := time.LoadLocationFromTZData(name, r.data[p.start:p.start+p.length])
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	return zone, nil
}
