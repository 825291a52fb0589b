package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"sluice"
	"sluice/internal/advice"
	"sluice/internal/documents"
	"sluice/internal/ledger"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/mapping"
)

const (
	previewRecords = 100 // of an object that was rejected
	previewRows    = 200 // of each table
)

// previewed is what an edited mapping makes of quarantined records.
type previewed struct {
	Faults  []fault            `json:"faults"` // of the mapping; then there is nothing else
	Tables  []previewTable     `json:"tables"`
	Records []documents.Record `json:"records"`
	Advice  []advice.Fault     `json:"advice"` // about what does not fit
	More    bool               `json:"more"`   // there are more records than one preview takes
}

// column is a column of a table or result.
type column struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

type previewTable struct {
	Name    string      `json:"name"`
	Columns []column    `json:"columns"`
	Rows    [][]*string `json:"rows"`
}

// previewQuarantine converts quarantined records again, with an edited mapping, and
// changes nothing.
func (s *Server) previewQuarantine(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Mapping string  `json:"mapping"`
		Records []int64 `json:"records"`
	}
	if err := readJSON(r, &q); err != nil {
		return err
	}
	ctx, at := r.Context(), s.Setup()
	e, err := s.entryOf(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	p := previewed{Faults: []fault{}, Tables: []previewTable{}, Records: []documents.Record{}, Advice: []advice.Fault{}}
	m, err := at.ParseMapping(ctx, mappingName, []byte(q.Mapping))
	if err != nil {
		p.Faults = faultsOf(err)
		return answerJSON(w, http.StatusOK, p)
	}
	if e.State == nil || e.State.Report == "" {
		return fail(http.StatusConflict, "preview: no record of this object is in quarantine")
	}
	made, err := preview(ctx, at, m, &e, q.Records)
	reject := new(sluice.RejectError)
	switch {
	case errors.As(err, &reject):
		return fail(http.StatusUnprocessableEntity, "preview: %w", err)
	case errors.Is(err, store.ErrNotFound):
		return fail(http.StatusNotFound, "preview: %w", err).with("sluice run --reprocess KEY makes the quarantine file again, if it was deleted")
	case err != nil:
		return fmt.Errorf("preview: %w", err)
	}
	p.More = made.More
	p.Records = append(p.Records, made.Records...)
	p.Advice = append(p.Advice, made.Faults.Faults...)
	for i := range made.Tables {
		p.Tables = append(p.Tables, shown(&made.Tables[i]))
	}
	return answerJSON(w, http.StatusOK, p)
}

// entryOf is the ledger entry of an object.
func (s *Server) entryOf(ctx context.Context, text string) (ledger.Entry, error) {
	id, ok := ledger.ParseID(text)
	if !ok {
		return ledger.Entry{}, fail(http.StatusNotFound, "find object: %q is no ID of an object", text)
	}
	e, _, err := s.lake.EntryOf(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return e, fail(http.StatusNotFound, "find object: the ledger has none with the ID %s", id)
	case err != nil:
		return e, fmt.Errorf("find object: %w", err)
	}
	return e, nil
}

// preview converts records of an object: those that are named of the quarantine file, or
// the first ones; of an object that was rejected, its own.
func preview(ctx context.Context, at *setup.Setup, m *mapping.Mapping, e *ledger.Entry, records []int64) (*documents.Quarantined, error) {
	opts := documents.PreviewOptions{Source: e.Key, Rows: previewRows}
	if e.State.Quarantine == "" {
		source, err := at.Pipeline.Source(e.Bucket)
		if err != nil {
			return nil, err
		}
		file, err := source.Open(ctx, e.Key)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		opts.Records = previewRecords
		return documents.PreviewRejected(ctx, m, file, opts)
	}
	file, err := at.Pipeline.Quarantine.Open(ctx, e.State.Quarantine)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return documents.PreviewQuarantine(ctx, m, file, records, opts)
}

// shown is a table as JSON has it.
func shown(t *documents.Table) previewTable {
	x := previewTable{Name: t.Name, Columns: []column{}, Rows: [][]*string{}}
	for _, c := range t.Columns {
		x.Columns = append(x.Columns, column{c.Name, c.Type.String()})
	}
	for _, row := range t.Rows {
		cells := make([]*string, len(row))
		for i := range row {
			if row[i] != documents.Null {
				cells[i] = &row[i]
			}
		}
		x.Rows = append(x.Rows, cells)
	}
	return x
}
