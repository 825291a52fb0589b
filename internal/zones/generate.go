//go:build ignore

// generate writes zones.zst from the time zones that come with Go. The
// release is DATA in lib/time/update.bash there; zones.go names it.
package main

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

func main() {
	z, err := zip.OpenReader(filepath.Join(os.Getenv("GOROOT"), "lib/time/zoneinfo.zip")) // go generate sets it
	check(err)
	var list strings.Builder
	var data []byte
	first := map[string]string{} // the first name of a file
	for _, f := range z.File {   // in the order of their names
		if strings.HasSuffix(f.Name, "/") || f.Name == "Factory" { // which is no zone
			continue
		}
		r, err := f.Open()
		check(err)
		file, err := io.ReadAll(r)
		check(err)
		if other := first[string(file)]; other != "" {
			fmt.Fprintf(&list, "%s =%s\n", f.Name, other)
			continue
		}
		first[string(file)] = f.Name
		fmt.Fprintf(&list, "%s %d\n", f.Name, len(file))
		data = append(data, file...)
	}
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(1<<20))
	check(err)
	packed := w.EncodeAll(append([]byte(list.String()+"\n"), data...), nil)
	check(os.WriteFile("zones.zst", packed, 0o644))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
