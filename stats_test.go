package sluice_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"sluice"
	"sluice/mapping"
	"sluice/reason"
)

func convert(t *testing.T, in string) (sluice.Stats, error) {
	t.Helper()
	m, err := mapping.Preset("orders")
	if err != nil {
		t.Fatal(err)
	}
	var bad bytes.Buffer
	return sluice.Convert(t.Context(), io.Discard, strings.NewReader(in), m, &sluice.Options{Quarantine: &bad})
}

const order = `{"order_id":1,"order_date":"2024-01-10","total_amount":0.1,"customer":{"customer_id":1},"products":[{"product_id":1,"price":0.1,"quantity":1},{"product_id":2,"price":"99999999999999.9999","quantity":1}]}`

func TestStatsJSON(t *testing.T) {
	stats, err := convert(t, "[]")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(stats)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"records_read":0,"records_committed":0,"records_quarantined":0,"records_skipped":0,"rows_written":0,"bytes_read":2,"bytes_written":`
	if !strings.HasPrefix(string(text), want) || !strings.HasSuffix(string(text), `"outcome":"accept","reason":"","reasons":{}}`) {
		t.Errorf("got %s", text)
	}
}

// The verdict on an object, and what Stats says beside it.
func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		in      string
		outcome sluice.Outcome
		reason  sluice.Reason
		read    int64
	}{
		{order, sluice.Accept, "", 1},
		{"[" + order + ",{}]", sluice.Quarantine, "", 2},
		{"[" + order + ",{}", sluice.Reject, reason.TruncatedJSON, 0},
	} {
		stats, err := convert(t, c.in)
		if stats.Outcome != c.outcome || stats.Reason != c.reason || stats.RecordsRead != c.read || stats.BytesRead == 0 || stats.Reasons == nil || stats.Sums == nil {
			t.Errorf("%s: %+v", c.outcome, stats)
		}
		reject := new(sluice.RejectError)
		if (c.outcome == sluice.Reject) != errors.As(err, &reject) || reject.Reason != c.reason || err != nil && stats.RowsWritten+stats.BytesWritten > 0 {
			t.Errorf("%s: %v, %+v", c.outcome, err, stats)
		}
	}
	stats, err := sluice.Convert(t.Context(), io.Discard, strings.NewReader("{}"), must(mapping.Preset("orders")), nil)
	if err == nil || errors.As(err, new(*sluice.RejectError)) || stats.Outcome != "" || stats.Reasons == nil {
		t.Errorf("the world failed: %v, %+v", err, stats)
	}
}

func must(m *mapping.Mapping, err error) *mapping.Mapping {
	if err != nil {
		panic(err)
	}
	return m
}

// Stats are added up over objects: counts, sums and reasons.
func TestStatsAdd(t *testing.T) {
	stats, err := convert(t, "["+order+",{}]")
	if err != nil {
		t.Fatal(err)
	}
	var total sluice.Stats
	total.Add(stats)
	total.Add(stats)
	const column = "order_lines.total_amount"
	if total.Sums[column] != "0.4000" || total.RecordSums[column] != "0.2000" || total.RecordsRead != 4 || total.Reasons[reason.MissingField] != 2 {
		t.Errorf("added up: %+v", total)
	}
}
