package serve

import (
	"cmp"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"sluice/internal/query"
	"sluice/internal/setup"
)

// lakeAnswer is what the page shows of the lake as a whole.
type lakeAnswer struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Place   string        `json:"place"`
	Folder  bool          `json:"folder"`
	Write   bool          `json:"write"`
	Mapping mappingAnswer `json:"mapping"`
	SQL     sqlAnswer     `json:"sql"`
	Counts  counts        `json:"counts"`
	Empty   bool          `json:"empty"`
	Problem string        `json:"problem"`
}

type mappingAnswer struct {
	Name   string   `json:"name"`
	Path   string   `json:"path"`
	SHA256 string   `json:"sha256"`
	Tables []string `json:"tables"`
}

type sqlAnswer struct {
	Engine string `json:"engine"`
	Hint   string `json:"hint"`
}

func (s *Server) sqlAnswer() sqlAnswer {
	if s.sql == nil {
		return sqlAnswer{Hint: query.ErrNoEngine.Error()}
	}
	if name := s.engine.Load(); name != nil {
		return sqlAnswer{Engine: *name}
	}
	return sqlAnswer{Engine: "duckdb"}
}

func (s *Server) getLake(w http.ResponseWriter, _ *http.Request) error {
	at, now := s.Setup(), s.lakeEvent()
	return answerJSON(w, http.StatusOK, lakeAnswer{
		Name: s.name(at), Version: s.o.Version, Place: at.Config.Source.String(), Folder: at.SourceFolder() != "", Write: s.o.Write,
		Mapping: s.mappingAnswer(at), SQL: s.sqlAnswer(), Counts: now.counts, Empty: now.Empty, Problem: now.Problem,
	})
}

func (s *Server) mappingAnswer(at *setup.Setup) mappingAnswer {
	return mappingAnswer{Name: at.Pipeline.MappingName, Path: s.o.MappingFile, SHA256: at.Pipeline.Mapping.Hash(), Tables: tablesOf(at)}
}

// tablesOf are the names of the tables of the mapping at work.
func tablesOf(at *setup.Setup) (names []string) {
	for _, t := range at.Pipeline.Mapping.Tables {
		names = append(names, t.Name)
	}
	return names
}

// name is a short name of the lake: that of its folder or bucket.
func (s *Server) name(at *setup.Setup) string {
	if s.o.Folder != "" {
		if path, err := filepath.Abs(s.o.Folder); err == nil {
			return filepath.Base(path)
		}
	}
	return cmp.Or(at.Config.Source.Bucket, filepath.Base(at.Config.Source.Dir))
}

func (s *Server) lakeEvent() lakeEvent {
	n := s.objects.all()
	return lakeEvent{counts: n, Empty: n.Objects == 0 && !n.Loading, Problem: s.problems.text()}
}

// Kinds of problems, in the order in which they are shown.
var problemKinds = []string{"disk", "ledger", "work", "tables", "catalog"}

// problems are what keeps the lake from working now, by kind.
type problems struct {
	mu sync.Mutex
	of map[string]string
}

func (p *problems) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, kind := range problemKinds {
		if text := p.of[kind]; text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

// problem shows what keeps the lake from working; nil: it works. At the terminal it
// is told once, when it begins.
func (s *Server) problem(kind string, err error) {
	p := &s.problems
	p.mu.Lock()
	before, now := p.of[kind], ""
	if err != nil {
		now = err.Error()
	}
	if p.of == nil {
		p.of = map[string]string{}
	}
	p.of[kind] = now
	p.mu.Unlock()
	if before != now {
		s.feed.lake()
	}
	if before == "" && err != nil {
		s.o.Warn(err)
	}
}
