// Package zones has the rules of all time zones inside of it, so that a local
// time is the same moment on every machine, and in a function without any
// files.
package zones

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"sluice/internal/suggest"
)

//go:generate go run generate.go

// Release is the release of the IANA time zone database.
const Release = "2025c"

// packed has one line for each zone, "NAME LENGTH" or "NAME =OTHER", which has
// the same file as another; then an empty line, and the files (RFC 9636) one
// after another. All of it is one zstd frame.
//
//go:embed zones.zst
var packed []byte

type rules struct {
	names []string
	files map[string][]byte
}

// unpack is done once, by the first mapping that names a zone.
var unpack = sync.OnceValues(func() (*rules, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, fmt.Errorf("unpack time zones: %w", err)
	}
	defer decoder.Close()
	data, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack time zones: %w", err)
	}
	r := &rules{files: map[string][]byte{}}
	list, files, _ := strings.Cut(string(data), "\n\n")
	for line := range strings.Lines(list) {
		name, file, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		r.names = append(r.names, name)
		if other, same := strings.CutPrefix(file, "="); same {
			r.files[name] = r.files[other]
			continue
		}
		length, err := strconv.Atoi(file)
		if err != nil {
			return nil, fmt.Errorf("unpack time zones: %w", err)
		}
		r.files[name], files = []byte(files[:length]), files[length:]
	}
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
	file := r.files[name]
	if file == nil {
		return nil, fmt.Errorf("zone %q is no name of the IANA time zone database %s; use one such as Europe/Berlin%s", name, Release, suggest.DidYouMean(name, r.names))
	}
	zone, err := time.LoadLocationFromTZData(name, file)
	if err != nil {
		return nil, fmt.Errorf("read time zone %s: %w", name, err)
	}
	return zone, nil
}
