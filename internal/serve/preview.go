package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"

	"sluice"
	"sluice/internal/advice"
	"sluice/internal/documents"
	"sluice/internal/ledger"
	"sluice/internal/quarantine"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/mapping"
)

const (
	previewBytes   = 16 << 20 // of quarantined records in one preview
	previewRecords = 1000
	previewRows    = 200 // of each table
)

// previewed is what an edited mapping makes of quarantined records.
type previewed struct {
	Faults  []fault         `json:"faults"` // of the mapping; then there is nothing else
	Tables  []previewTable  `json:"tables"`
	Records []previewRecord `json:"records"`
	Advice  []advice.Fault  `json:"advice"` // about what does not fit
	More    bool            `json:"more"`   // there are more records than one preview takes
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

type previewRecord struct {
	Record int64         `json:"record"`
	OK     bool          `json:"ok"`
	Reason sluice.Reason `json:"reason"`
	Path   string        `json:"path"`
	Detail string        `json:"detail"` // what to do about it
	Fault  int64         `json:"fault"`  // byte offset of the fault in the record; -1: not known
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
	e, err := entryOf(ctx, at, r.PathValue("id"))
	if err != nil {
		return err
	}
	p := previewed{Faults: []fault{}, Tables: []previewTable{}, Records: []previewRecord{}, Advice: []advice.Fault{}}
	m, err := at.ParseMapping(ctx, mappingName, []byte(q.Mapping))
	if err != nil {
		p.Faults = faultsOf(err)
		return answerJSON(w, http.StatusOK, p)
	}
	if e.State == nil || e.State.Report == "" {
		return fail(http.StatusConflict, "preview: no record of this object is in quarantine")
	}
	if e.State.Quarantine == "" {
		err = p.rejected(ctx, at, m, &e)
	} else {
		err = p.quarantined(ctx, at, m, &e, q.Records)
	}
	reject := new(sluice.RejectError)
	switch {
	case errors.As(err, &reject):
		return fail(http.StatusUnprocessableEntity, "preview: %w", err)
	case errors.Is(err, store.ErrNotFound):
		return fail(http.StatusNotFound, "preview: %w", err).with("sluice run --reprocess KEY makes the quarantine file again, if it was deleted")
	case err != nil:
		return fmt.Errorf("preview: %w", err)
	}
	return answerJSON(w, http.StatusOK, p)
}

// entryOf is the ledger entry of an object.
func entryOf(ctx context.Context, at *setup.Setup, text string) (ledger.Entry, error) {
	id, ok := ledger.ParseID(text)
	if !ok {
		return ledger.Entry{}, fail(http.StatusNotFound, "find object: %q is no ID of an object", text)
	}
	e, _, err := at.Pipeline.Ledger.Read(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return e, fail(http.StatusNotFound, "find object: the ledger has none with the ID %s", id)
	case err != nil:
		return e, fmt.Errorf("find object: %w", err)
	}
	return e, nil
}

// quarantined converts records of the quarantine file: those that are named, or the
// first ones.
func (p *previewed) quarantined(ctx context.Context, at *setup.Setup, m *mapping.Mapping, e *ledger.Entry, records []int64) error {
	file, err := at.Pipeline.Quarantine.Open(ctx, e.State.Quarantine)
	if err != nil {
		return err
	}
	defer file.Close()
	var chosen bytes.Buffer
	err = lines(file, func(line []byte) (bool, error) {
		var x quarantine.Entry
		if err := json.Unmarshal(line, &x); err != nil {
			return false, fmt.Errorf("read quarantine: a line is damaged: %w", err)
		}
		if records != nil && !slices.Contains(records, x.Record) {
			return true, nil
		}
		if chosen.Len()+len(line) > previewBytes || len(p.Records) == previewRecords {
			p.More = true
			return false, nil
		}
		chosen.Write(line)
		p.Records = append(p.Records, previewRecord{Record: x.Record, OK: true, Fault: -1})
		return true, nil
	})
	if err != nil || len(p.Records) == 0 {
		return err
	}
	return p.convert(ctx, m, &chosen, documents.PreviewOptions{Source: e.Key, Rows: previewRows})
}

// lines calls fn with each line, until it returns false.
func lines(r io.Reader, fn func(line []byte) (bool, error)) error {
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadBytes('\n')
		if len(line) > 0 {
			if more, err := fn(line); err != nil || !more {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read quarantine: %w", err)
		}
	}
}

// rejected converts the first records of an object that was rejected: it has no
// quarantine file.
func (p *previewed) rejected(ctx context.Context, at *setup.Setup, m *mapping.Mapping, e *ledger.Entry) error {
	source, err := at.Pipeline.Source(e.Bucket)
	if err != nil {
		return err
	}
	file, err := source.Open(ctx, e.Key)
	if err != nil {
		return err
	}
	defer file.Close()
	return p.convert(ctx, m, file, documents.PreviewOptions{Source: e.Key, Records: 100, Rows: previewRows})
}

var ordinals = regexp.MustCompile(`\[\d+\]`)

// convert adds what a mapping makes of a document.
func (p *previewed) convert(ctx context.Context, m *mapping.Mapping, src io.Reader, opts documents.PreviewOptions) error {
	made, err := documents.MakePreview(ctx, m, src, opts)
	if err != nil {
		return err
	}
	if opts.Records > 0 {
		for n := range made.Stats.RecordsRead {
			p.Records = append(p.Records, previewRecord{Record: n, OK: true, Fault: -1})
		}
	}
	p.Advice = append(p.Advice, made.Faults.Faults...)
	for i := range made.Tables {
		p.Tables = append(p.Tables, shown(&made.Tables[i]))
	}
	at := map[int64]*previewRecord{}
	for i := range p.Records {
		at[p.Records[i].Record] = &p.Records[i]
	}
	return lines(bytes.NewReader(made.Quarantine), func(line []byte) (bool, error) {
		var x quarantine.Entry
		if err := json.Unmarshal(line, &x); err != nil {
			return false, fmt.Errorf("read the quarantine of the preview: %w", err)
		}
		if r := at[x.Record]; r != nil {
			r.OK, r.Reason, r.Path, r.Fault = false, x.Reason, x.Path, x.ErrorOffset-x.Offset
			r.Detail = p.adviceFor(&x)
		}
		return true, nil
	})
}

// adviceFor is what to do about the first thing that does not fit in a record.
func (p *previewed) adviceFor(x *quarantine.Entry) string {
	path := ordinals.ReplaceAllString(x.Path, "[*]")
	for _, f := range p.Advice {
		if f.Reason == x.Reason && (f.Path == path || f.Path == x.Path) {
			return f.Advice
		}
	}
	return ""
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
