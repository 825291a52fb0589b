//go:build corpora

package corpora

import (
	"bytes"
	"testing"

	"sluice/internal/parquetread"
)

// Parquet files made to break readers give an error, or rows; never a panic.
func TestHostileParquet(t *testing.T) {
	opened, refused := 0, 0
	for _, name := range list(t, 8, "corpora/parquet-testing/bad_data", "*.parquet") {
		data := read(t, "corpora/parquet-testing/bad_data", name)
		// Whole; cut; and cut with the end put back, so that the footer is found.
		for cut := 0; cut < len(data); cut += 1 + len(data)/200 {
			for _, part := range [][]byte{data[:len(data)-cut], append(bytes.Clone(data[:cut]), data[max(cut, len(data)-600):]...)} {
				if readAll(part) == nil {
					opened++
				} else {
					refused++
				}
			}
		}
		t.Logf("%s: %v", name, readAll(data))
	}
	t.Logf("parquet-testing: %d damaged files gave an error, %d could be read, none did harm", refused, opened)
}

func readAll(data []byte) error {
	f, err := parquetread.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	return f.Rows(1<<20, func([]string) error { return nil })
}
