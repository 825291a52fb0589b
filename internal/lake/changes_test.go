package lake

import (
	"fmt"
	"testing"
)

// While objects are replaced, every answer is of states that were published: no file is
// read half old, half new, and none is missed.
func TestWhileObjectsChange(t *testing.T) {
	w := newWorld(t, orders)
	put := func(n int) {
		// The state n of both objects has n lines of the price n.
		for _, name := range []string{"a", "b"} {
			var prices []string
			for range n {
				prices = append(prices, fmt.Sprint(n))
			}
			w.put(name+".json", order(name, "1", prices...))
		}
	}
	put(1)
	w.run()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 2; n <= 12; n++ {
			put(n)
			if _, err := w.setup.Pipeline.Run(t.Context(), w.setup.Run()); err != nil {
				t.Error(err)
			}
		}
	}()
	for end := false; !end; {
		select {
		case <-done:
			end = true
			w.refresh()
		default:
		}
		for _, p := range w.chart("lines", ChartOptions{X: "id", Y: "price", Of: "sum"}).Series[0].Points {
			var cents int
			if _, err := fmt.Sscanf(fmt.Sprint(p[1]), "%d.00", &cents); err != nil {
				t.Fatal(err)
			}
			n := 1
			for n*n < cents {
				n++
			}
			if n*n != cents || end && n != 12 {
				t.Errorf("object %v has %v", p[0], p[1])
			}
		}
		if _, rows, err := w.lake.Rows(t.Context(), "lines", 0, 100); err != nil || len(rows) < 2 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
		if m := w.money(); end && (!m.Rows.Equal || m.Rows.Published != 26) {
			t.Errorf("%+v", m)
		}
	}
}
