package documents_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"sluice"
	"sluice/internal/documents"
	"sluice/mapping"
)

func parse(t *testing.T, text string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// quarantine is the quarantine file of a document.
func quarantine(t *testing.T, m *mapping.Mapping, text string) []byte {
	t.Helper()
	var file bytes.Buffer
	_, err := sluice.Convert(t.Context(), io.Discard, strings.NewReader(text), m, &sluice.Options{Source: "a.json", Quarantine: &file})
	if err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

const prices = `table: t
limits: {quarantine_share: 1}
columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: price, path: $.price, type: "decimal(9,2)"}
`

// Each record that was asked for has an answer, also one that is too large to be tried.
func TestPreviewQuarantine(t *testing.T) {
	m := parse(t, prices)
	large := strings.Repeat("x", 30<<20)
	file := quarantine(t, m, `{"id":0,"price":"a"}`+"\n"+`{"id":1,"price":"1,50","note":"`+large+`"}`+"\n"+`{"id":2,"price":2}`+"\n"+`{"id":3,"price":"1,50"}`+"\n"+`{"id":4,"price":"2,50"}`+"\n")
	fixed := parse(t, strings.Replace(prices, `"decimal(9,2)"`, `"decimal(9,2)", format: "1.234,50"`, 1))
	for _, c := range []struct {
		records []int64
		want    string
		rows    int
		more    bool
	}{
		{nil, "0 bad_decimal $.price 16; 3 ok; 4 ok; ", 2, true},
		{[]int64{3}, "3 ok; ", 1, false},
		{[]int64{1, 4}, "4 ok; 1 record_too_large $ -1; ", 1, false},
		{[]int64{1}, "1 record_too_large $ -1; ", 0, false},
		{[]int64{}, "", 0, false},
	} {
		q, err := documents.PreviewQuarantine(t.Context(), fixed, bytes.NewReader(file), c.records, documents.PreviewOptions{Source: "a.json", Rows: 10})
		if err != nil {
			t.Errorf("%v: %v", c.records, err)
			continue
		}
		got, rows := "", 0
		for _, r := range q.Records {
			if r.OK {
				got += fmt.Sprintf("%d ok; ", r.Record)
			} else {
				got += fmt.Sprintf("%d %s %s %d; ", r.Record, r.Reason, r.Path, r.Fault)
			}
			if r.OK != (r.Detail == "") {
				t.Errorf("%v: %+v", c.records, r)
			}
		}
		for _, table := range q.Tables {
			rows += len(table.Rows)
		}
		if got != c.want || rows != c.rows || q.More != c.more {
			t.Errorf("%v: %s, %d rows, more: %t; want %s, %d rows, more: %t", c.records, got, rows, q.More, c.want, c.rows, c.more)
		}
	}
}

// A preview takes no more records than can be shown, and says so.
func TestPreviewMany(t *testing.T) {
	m := parse(t, prices)
	file := quarantine(t, m, strings.Repeat(`{"id":1,"price":"a"}`+"\n", 1500))
	q, err := documents.PreviewQuarantine(t.Context(), m, bytes.NewReader(file), nil, documents.PreviewOptions{Rows: 10})
	if err != nil || len(q.Records) != 1000 || !q.More || q.Records[999].Record != 999 || q.Records[999].OK {
		t.Errorf("%v: %d records, more: %t", err, len(q.Records), q.More)
	}
	if _, err := documents.PreviewQuarantine(t.Context(), m, strings.NewReader("<html>"), nil, documents.PreviewOptions{}); err == nil {
		t.Error("what is no quarantine file is one")
	}
}

// An object that was rejected for its many bad records has a preview of its own.
func TestPreviewRejected(t *testing.T) {
	m := parse(t, strings.Replace(prices, "quarantine_share: 1", "quarantine_share: 0", 1))
	q, err := documents.PreviewRejected(t.Context(), m, strings.NewReader(`{"id":1,"price":"a"}{"id":2,"price":1}{"id":3}`), documents.PreviewOptions{Records: 2, Rows: 10})
	if err != nil || len(q.Records) != 2 || q.Records[0].OK || !q.Records[1].OK || len(q.Tables[0].Rows) != 1 {
		t.Errorf("%v: %+v", err, q)
	}
	if _, err := documents.PreviewRejected(t.Context(), m, strings.NewReader("<html>"), documents.PreviewOptions{Records: 2}); err == nil {
		t.Error("what is no JSON has a preview")
	}
}
