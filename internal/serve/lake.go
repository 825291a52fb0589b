package serve

import (
	"net/http"

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
	return sqlAnswer{Engine: s.sqlEngine()}
}

// counts are of all objects that the server knows.
type counts struct {
	Objects            int64 `json:"objects"`
	Waiting            int64 `json:"waiting"`
	Working            int64 `json:"working"`
	Failed             int64 `json:"failed"`
	Rows               int64 `json:"rows"`
	RecordsQuarantined int64 `json:"records_quarantined"`
}

func (s *Server) getLake(w http.ResponseWriter, _ *http.Request) error {
	at := s.Setup()
	return answerJSON(w, http.StatusOK, lakeAnswer{
		Name: "lake", Version: s.o.Version, Place: at.Config.Source.String(), Folder: s.o.Folder != "", Write: s.o.Write,
		Mapping: s.mappingAnswer(at), SQL: s.sqlAnswer(), Empty: true,
	})
}

func (s *Server) mappingAnswer(at *setup.Setup) mappingAnswer {
	m := mappingAnswer{Name: at.Pipeline.MappingName, Path: s.o.MappingFile, SHA256: at.Pipeline.Mapping.Hash()}
	for _, t := range at.Pipeline.Mapping.Tables {
		m.Tables = append(m.Tables, t.Name)
	}
	return m
}
