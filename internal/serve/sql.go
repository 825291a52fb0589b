package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"sluice/internal/query"
	"sluice/internal/query/published"
)

const (
	sqlAtOnce   = 4 // statements
	sqlRows     = 1000
	maxSQLRows  = 100_000
	sqlFetched  = 4 << 30 // bytes that are copied from a bucket
	flushEvery  = 100 * time.Millisecond
	lastMessage = 10 * time.Second // for the browser to take what is left after the time limit
)

// sqlLimits are those of one statement.
var sqlLimits = query.Limits{Memory: 1 << 30, Threads: runtime.NumCPU(), Timeout: 5 * time.Minute, File: 4 << 30}

// newSession is SQL over the lake as it is; nil without an engine.
func (s *Server) newSession() query.Session {
	if s.o.Engine == nil {
		return nil
	}
	return published.New(published.Options{
		Lake: s.lake, Setup: s.Setup, Mapped: true, MaxFetched: sqlFetched, Engine: s.o.Engine, Limits: sqlLimits,
	})
}

// nameEngine finds out the version of the engine, which takes a moment.
func (s *Server) nameEngine(ctx context.Context) {
	if s.sql == nil {
		return
	}
	name, err := s.o.Engine.Version(ctx)
	switch {
	case err == nil:
		s.engine.Store(&name)
	case ctx.Err() == nil:
		s.o.Warn(err)
	}
}

// beginSQL takes one of the places for statements, until the caller calls end.
func (s *Server) beginSQL(w http.ResponseWriter) (end func(), err error) {
	if s.sql == nil {
		return nil, fail(http.StatusServiceUnavailable, "run SQL: %w", query.ErrNoEngine)
	}
	select {
	case s.statements <- struct{}{}:
	default:
		return nil, fail(http.StatusTooManyRequests, "run SQL: %d statements run already", sqlAtOnce).with("wait for one, or cancel it")
	}
	// A browser that takes nothing must not hold the place for ever. The next request
	// on the connection has a time of its own.
	c := http.NewResponseController(w)
	err = c.SetWriteDeadline(time.Now().Add(sqlLimits.Timeout + lastMessage))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		<-s.statements
		return nil, fmt.Errorf("run SQL: %w", err)
	}
	return func() {
		<-s.statements
		_ = c.SetWriteDeadline(time.Time{})
	}, nil
}

// sqlFailure is an error of a statement, with what can be done about it.
func sqlFailure(err error) *failure {
	wrong, large := new(query.Error), new(published.TooLargeError)
	switch {
	case errors.As(err, &wrong):
		return fail(http.StatusUnprocessableEntity, "%w", err)
	case errors.As(err, &large):
		return fail(http.StatusUnprocessableEntity, "run SQL: %w", err).with("sluice query takes --max-download")
	case errors.Is(err, query.ErrTimeout):
		return fail(http.StatusUnprocessableEntity, "run SQL: %w, after %s", err, sqlLimits.Timeout).with("sluice query takes --timeout")
	case errors.Is(err, query.ErrDied):
		return fail(http.StatusUnprocessableEntity, "run SQL: %w", err).with("sluice query takes --memory")
	}
	return fail(http.StatusInternalServerError, "run SQL: %w", err)
}

// sqlColumn is a column of a result.
type sqlColumn struct {
	column
	Number bool `json:"number"`
}

// runSQL streams the rows of a statement, a JSON value on each line. They are read as
// fast as the browser takes them; the statement ends with the connection.
func (s *Server) runSQL(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		SQL   string `json:"sql"`
		Limit int    `json:"limit"`
	}
	if err := readJSON(r, &q); err != nil {
		return err
	}
	if q.Limit == 0 {
		q.Limit = sqlRows
	}
	if q.Limit < 0 || q.Limit > maxSQLRows {
		return fail(http.StatusBadRequest, "run SQL: limit %d is not from 1 to %d", q.Limit, maxSQLRows)
	}
	end, err := s.beginSQL(w)
	if err != nil {
		return err
	}
	defer end()
	start := time.Now()
	rows, err := s.sql.Query(r.Context(), q.SQL)
	if err != nil {
		return sqlFailure(err)
	}
	defer rows.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := &lineWriter{w: w, flusher: http.NewResponseController(w)}
	columns := []sqlColumn{}
	for _, c := range rows.Columns() {
		columns = append(columns, sqlColumn{column{c.Name, c.Type}, c.Number()})
	}
	out.line(struct {
		Columns []sqlColumn `json:"columns"`
	}{columns})
	n, more, err := out.rows(rows, q.Limit)
	if err != nil {
		f := sqlFailure(err)
		out.line(errorAnswer{f.Error(), f.hint})
		return nil //nolint:nilerr // it was answered
	}
	out.line(struct {
		Rows    int     `json:"rows"`
		More    bool    `json:"more"`
		Seconds float64 `json:"seconds"`
	}{n, more, time.Since(start).Seconds()})
	return nil
}

// lineWriter writes a JSON value on each line.
type lineWriter struct {
	w       http.ResponseWriter
	flusher *http.ResponseController
	flushed time.Time
	err     error // of the connection
}

func (o *lineWriter) line(v any) {
	text, err := json.Marshal(v)
	if err == nil {
		_, err = o.w.Write(append(text, '\n'))
	}
	if err == nil && time.Since(o.flushed) > flushEvery {
		err = o.flusher.Flush()
		o.flushed = time.Now()
	}
	o.err = errors.Join(o.err, err)
}

// rows writes at most so many rows, and says whether there are more.
func (o *lineWriter) rows(rows query.Rows, most int) (n int, more bool, err error) {
	for {
		row, err := rows.Next()
		switch {
		case errors.Is(err, io.EOF):
			return n, false, nil
		case err != nil:
			return n, false, err
		case n == most:
			return n, true, nil
		}
		if o.line(row); o.err != nil {
			return n, false, o.err
		}
		n++
	}
}

// downloadSQL answers with all rows of a statement as a file.
func (s *Server) downloadSQL(w http.ResponseWriter, r *http.Request) error {
	sql, as := r.URL.Query().Get("sql"), r.URL.Query().Get("as")
	if as != "csv" && as != "parquet" {
		return fail(http.StatusBadRequest, "run SQL: as=%q is no format", as).with("there is csv and parquet")
	}
	end, err := s.beginSQL(w)
	if err != nil {
		return err
	}
	defer end()
	if as == "parquet" {
		return s.exportSQL(w, r, sql)
	}
	rows, err := s.sql.Query(r.Context(), sql)
	if err != nil {
		return sqlFailure(err)
	}
	defer rows.Close()
	attach(w, "query.csv", "text/csv; charset=utf-8; header=present")
	if err := query.WriteCSV(w, rows); err != nil {
		panic(http.ErrAbortHandler) // so that the browser does not take a part for the whole
	}
	return nil
}

// attach makes the answer a file to be saved.
func attach(w http.ResponseWriter, name, kind string) {
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Content-Type", kind)
}

// exportSQL answers with a Parquet file, which is whole before the answer begins.
func (s *Server) exportSQL(w http.ResponseWriter, r *http.Request, sql string) error {
	dir, err := os.MkdirTemp("", "sluice-query-")
	if err != nil {
		return fmt.Errorf("run SQL: make a folder for the result: %w", err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "result.parquet")
	if err := s.sql.Export(r.Context(), sql, name); err != nil {
		return sqlFailure(err)
	}
	attach(w, "query.parquet", "application/vnd.apache.parquet")
	http.ServeFile(w, r, name)
	return nil
}
