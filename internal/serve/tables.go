package serve

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"sluice/internal/lake"
	"sluice/internal/store"
	"sluice/mapping"
	"sluice/schema"
)

// tableColumn is a column of a table.
type tableColumn struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"` // the mapping does not require a value
	// Repeats says that a value of the record stands in each of its rows, so a sum over
	// rows counts it as often.
	Repeats bool `json:"repeats"`
}

// columnsOf are columns of a table that the mapping has, or nil.
func columnsOf(columns []schema.Column, t *mapping.Table) []tableColumn {
	all := make([]tableColumn, len(columns))
	for i, c := range columns {
		all[i] = tableColumn{c.Name, c.Type.String(), !c.Required, false}
		if t == nil {
			continue
		}
		if k := slices.IndexFunc(t.Columns, func(m mapping.Column) bool { return m.Name == c.Name }); k >= 0 {
			all[i].Repeats = t.Columns[k].Path.Wildcards() < t.Levels()
		}
	}
	return all
}

// mapped is the table of a name in the mapping at work, or nil.
func (s *Server) mapped(name string) *mapping.Table {
	m := s.Setup().Pipeline.Mapping
	if k := slices.IndexFunc(m.Tables, func(t mapping.Table) bool { return t.Name == name }); k >= 0 {
		return &m.Tables[k]
	}
	return nil
}

// failed gives errors of the lake the status that they are answered with.
func failed(err error) error {
	var unknown *lake.UnknownError
	var request *lake.RequestError
	switch {
	case errors.As(err, &unknown):
		return &failure{status: http.StatusNotFound, err: err}
	case errors.As(err, &request):
		return &failure{status: http.StatusBadRequest, err: err}
	case errors.Is(err, store.ErrChanged):
		return &failure{status: http.StatusConflict, err: err, hint: "it changes at this moment; ask again"}
	}
	return err
}

// parameter is a number in the address that is not below 0.
func parameter(r *http.Request, name string, otherwise int64) (int64, error) {
	text := r.FormValue(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fail(http.StatusBadRequest, "%s %s: %s=%q is no number from 0 on", r.Method, r.URL.Path, name, text)
	}
	return n, nil
}

// filters are the conditions in the address: is, from and below with COLUMN=VALUE, null
// with COLUMN.
func filters(r *http.Request) (all []lake.Filter) {
	q := r.URL.Query()
	for _, op := range []string{lake.OpIs, lake.OpNull, lake.OpFrom, lake.OpBelow} {
		for _, text := range q[op] {
			column, value, _ := strings.Cut(text, "=")
			all = append(all, lake.Filter{Column: column, Op: op, Value: value})
		}
	}
	return all
}

func (s *Server) getTables(w http.ResponseWriter, r *http.Request) error {
	type table struct {
		Name       string        `json:"name"`
		Files      int           `json:"files"`
		Unreadable int           `json:"unreadable"` // files that are missing or damaged
		Shared     bool          `json:"shared"`     // its files have rows of many objects
		Rows       int64         `json:"rows"`
		Bytes      int64         `json:"bytes"`
		Columns    []tableColumn `json:"columns"`
	}
	views, err := s.lake.Views(r.Context())
	if err != nil {
		return failed(err)
	}
	all := make([]table, len(views))
	for i, v := range views {
		all[i] = table{v.Name, len(v.Files), v.Unreadable, v.Shared, v.Rows, v.Bytes, columnsOf(v.Columns, s.mapped(v.Name))}
	}
	return answerJSON(w, http.StatusOK, map[string]any{"tables": all})
}

func (s *Server) getRows(w http.ResponseWriter, r *http.Request) error {
	offset, err := parameter(r, "offset", 0)
	if err != nil {
		return err
	}
	limit, err := parameter(r, "limit", 50)
	if err != nil {
		return err
	}
	limit = min(limit, lake.MaxRows)
	type answer struct {
		Columns  []tableColumn `json:"columns"`
		Rows     [][]*string   `json:"rows"`
		InTable  int64         `json:"rows_in_table"`
		Matching int64         `json:"rows_matching"` // that the filters leave
		RowsRead int64         `json:"rows_read"`     // to filter and sort: fewer, of a table that is too large
	}
	o := lake.SortOptions{Filters: filters(r), By: r.FormValue("sort"), Descending: r.FormValue("desc") == "1", Offset: offset, Limit: int(limit)}
	if o.By == "" && o.Filters == nil {
		v, rows, err := s.lake.Rows(r.Context(), r.PathValue("t"), offset, int(limit))
		if err != nil {
			return failed(err)
		}
		return answerJSON(w, http.StatusOK, answer{columnsOf(v.Columns, s.mapped(v.Name)), rows, v.Rows, v.Rows, v.Rows})
	}
	some, err := s.lake.Sorted(r.Context(), r.PathValue("t"), o)
	if err != nil {
		return failed(err)
	}
	v := some.View
	return answerJSON(w, http.StatusOK, answer{columnsOf(v.Columns, s.mapped(v.Name)), some.Rows, v.Rows, some.Matching, some.RowsRead})
}

func (s *Server) getColumns(w http.ResponseWriter, r *http.Request) error {
	p, err := s.lake.Profile(r.Context(), r.PathValue("t"))
	if err != nil {
		return failed(err)
	}
	return answerJSON(w, http.StatusOK, p)
}

func (s *Server) getChart(w http.ResponseWriter, r *http.Request) error {
	bins, err := parameter(r, "bins", 0)
	if err != nil {
		return err
	}
	limit, err := parameter(r, "limit", 0)
	if err != nil {
		return err
	}
	c, err := s.lake.Chart(r.Context(), r.PathValue("t"), lake.ChartOptions{
		X: r.FormValue("x"), Y: r.FormValue("y"), Of: r.FormValue("of"), Split: r.FormValue("split"), Bins: int(min(bins, 1e6)), Limit: int(min(limit, 1e6)), Filters: filters(r),
	})
	if err != nil {
		return failed(err)
	}
	return answerJSON(w, http.StatusOK, c)
}

// downloadTime is how long a browser may take to accept some more of a download.
const downloadTime = time.Minute

// patient writes an answer, and gives up when nobody takes it any more.
type patient struct {
	w    http.ResponseWriter
	sent bool
}

func (p *patient) Write(b []byte) (int, error) {
	p.sent = true
	_ = http.NewResponseController(p.w).SetWriteDeadline(time.Now().Add(downloadTime)) // a recorder of a test has none
	return p.w.Write(b)
}

func (s *Server) getDownload(w http.ResponseWriter, r *http.Request) error {
	table, as := r.PathValue("t"), r.FormValue("as")
	kinds := map[string]string{"csv": "text/csv; charset=utf-8; header=present", "zip": "application/zip"}
	if kinds[as] == "" {
		return fail(http.StatusBadRequest, "download table %s: as=%q; there is csv and zip", table, as)
	}
	out := &patient{w: w}
	begin := func() io.Writer {
		w.Header().Set("Content-Type", kinds[as])
		w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", table+"."+as))
		return out
	}
	var err error
	if as == "zip" {
		err = s.lake.Zip(r.Context(), table, begin) // whole files
	} else {
		err = s.lake.CSV(r.Context(), table, filters(r), begin)
	}
	if err != nil && out.sent {
		// What was sent must not look like all of it: the connection breaks off.
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
		return failed(err)
	}
	return nil
}
