//go:build ignore

// generate writes zones.deflate from the time zones that come with Go. The
// release is DATA in lib/time/update.bash there; zones.go names it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	z, err := zip.OpenReader(filepath.Join(os.Getenv("GOROOT"), "lib/time/zoneinfo.zip")) // go generate sets it
	check(err)
	var list strings.Builder
	var data []byte
	for _, f := range z.File { // in the order of their names
		if strings.HasSuffix(f.Name, "/") || f.Name == "Factory" { // which is no zone
			continue
		}
		r, err := f.Open()
		check(err)
		file, err := io.ReadAll(r)
		check(err)
		start := bytes.Index(data, file)
		if start < 0 {
			start = len(data)
			data = append(data, file...)
		}
		fmt.Fprintln(&list, f.Name, start, len(file))
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	check(err)
	_, err = w.Write(append([]byte(list.String()+"\n"), data...))
	check(err)
	check(w.Close())
	check(os.WriteFile("zones.deflate", packed.Bytes(), 0o644))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
