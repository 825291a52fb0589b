package profiler_test

import (
	"bytes"
	"fmt"
)

// wide writes records with some of many fields, in groups.
type wide struct {
	paths, fields, records int
	buf                    bytes.Buffer
	n                      int
}

func (w *wide) Read(p []byte) (int, error) {
	const group = 1000
	for w.buf.Len() == 0 && w.n < w.records {
		first := w.n * w.fields % w.paths
		w.n++
		for i := range w.fields {
			switch f := first + i; {
			case i == 0:
				fmt.Fprintf(&w.buf, `{"group_%d":{`, f/group)
			case f%group == 0:
				fmt.Fprintf(&w.buf, `},"group_%d":{`, f/group)
			default:
				w.buf.WriteByte(',')
			}
			f := first + i
			switch v := w.n*7919 + f; f % 4 {
			case 0:
				fmt.Fprintf(&w.buf, `"field_%d":%d`, f, v)
			case 1:
				fmt.Fprintf(&w.buf, `"field_%d":"2024-03-10T08:%02d:%02dZ"`, f, v/60%60, v%60)
			case 2:
				fmt.Fprintf(&w.buf, `"field_%d":"text %d"`, f, v)
			default:
				fmt.Fprintf(&w.buf, `"field_%d":%d.%02d`, f, v, v%100)
			}
		}
		w.buf.WriteString("}}\n")
	}
	return w.buf.Read(p)
}
