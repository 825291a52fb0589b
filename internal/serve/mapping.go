package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"

	"sluice/internal/atomicfile"
	"sluice/internal/documents"
	"sluice/internal/mappingdiff"
	"sluice/internal/setup"
	"sluice/internal/yamlfile"
	"sluice/mapping"
)

// mappingName is what faults call a mapping that the page sends.
const mappingName = "mapping.yaml"

// fault is something that is wrong with the text of a mapping.
type fault struct {
	Line   int    `json:"line"` // from 1
	Column int    `json:"column"`
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// faultsOf are the faults of a mapping's text. What is wrong elsewhere, such as a
// missing key of hashes, stands at its beginning.
func faultsOf(err error) []fault {
	if err == nil {
		return []fault{}
	}
	var all []fault
	for _, f := range yamlfile.Faults(err) {
		text, remedy, _ := strings.Cut(f.Text, "; ")
		all = append(all, fault{f.Line, f.Column, text, remedy})
	}
	if all == nil {
		all = append(all, fault{1, 1, err.Error(), ""})
	}
	return all
}

// wrongMapping answers a request that needs a sound mapping.
func wrongMapping(w http.ResponseWriter, err error) error {
	faults := faultsOf(err)
	return answerJSON(w, http.StatusUnprocessableEntity, struct {
		Error  string  `json:"error"`
		Hint   string  `json:"hint"`
		Faults []fault `json:"faults"`
	}{fmt.Sprintf("read mapping: line %d: %s", faults[0].Line, faults[0].Text), faults[0].Remedy, faults})
}

// mappingFile is the mapping as the page shows it.
type mappingFile struct {
	Name           string `json:"name"`
	Path           string `json:"path"` // where PUT writes it; empty: nowhere
	Text           string `json:"text"`
	TextSHA256     string `json:"text_sha256"`     // what PUT is based on
	SHA256         string `json:"sha256"`          // of the mapping, as in the ledger; empty if the text has faults
	DeployedSHA256 string `json:"deployed_sha256"` // of the mapping at work
	Writable       bool   `json:"writable"`
}

func (s *Server) getMapping(w http.ResponseWriter, _ *http.Request) error {
	at := s.Setup()
	text, err := s.mappingText(at)
	if err != nil {
		return err
	}
	a := mappingFile{
		Name: at.Pipeline.MappingName, Path: s.o.MappingFile, Text: string(text), TextSHA256: sumOf(text),
		DeployedSHA256: at.Pipeline.Mapping.Hash(), Writable: s.o.Write && s.o.MappingFile != "",
	}
	if m, err := mapping.Parse(mappingName, text); err == nil {
		a.SHA256 = m.Hash()
	}
	return answerJSON(w, http.StatusOK, a)
}

// mappingText is the text of the file that the page writes, else that of the
// mapping at work; empty if its file was removed.
func (s *Server) mappingText(at *setup.Setup) ([]byte, error) {
	name := at.Pipeline.MappingName
	if s.o.MappingFile != "" {
		text, err := os.ReadFile(s.o.MappingFile)
		if !errors.Is(err, fs.ErrNotExist) {
			return text, readingMapping(err)
		}
	}
	if slices.Contains(mapping.Presets(), name) {
		return mapping.PresetSource(name)
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return text, readingMapping(err)
}

func readingMapping(err error) error {
	if err != nil {
		return fmt.Errorf("read mapping: %w", err)
	}
	return nil
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// putMapping writes the mapping, and has it at work from the next object on.
func (s *Server) putMapping(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Text string `json:"text"`
		Base string `json:"base_sha256"`
	}
	if err := readJSON(r, &q); err != nil {
		return err
	}
	if s.o.MappingFile == "" {
		return fail(http.StatusConflict, "write mapping: the mapping was named when the server started, and is not changed here").
			with("change the file, or start sluice serve without -m")
	}
	m, err := s.Setup().ParseMapping(r.Context(), mappingName, []byte(q.Text))
	if err != nil {
		return wrongMapping(w, err)
	}
	if err := s.replaceMapping(r.Context(), []byte(q.Text), q.Base); err != nil {
		return err
	}
	others, err := s.madeWithOther(r.Context())
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, struct {
		SHA256     string `json:"sha256"`
		TextSHA256 string `json:"text_sha256"`
		Others     int    `json:"others"` // objects that were made with another mapping
	}{m.Hash(), sumOf([]byte(q.Text)), len(others)})
}

// replaceMapping writes a text in place of the one that base is the sum of.
func (s *Server) replaceMapping(ctx context.Context, text []byte, base string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	old, err := s.mappingText(s.Setup())
	if err != nil {
		return err
	}
	if sumOf(old) != base {
		return fail(http.StatusConflict, "write mapping: it was changed since it was read").with("load it again, and compare")
	}
	f, err := atomicfile.Create(s.o.MappingFile)
	if err != nil {
		return fmt.Errorf("write mapping: %w", err)
	}
	defer f.Abort()
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("write mapping: %w", err)
	}
	if err := f.Commit(); err != nil {
		return fmt.Errorf("write mapping: %w", err)
	}
	return s.UseMapping(ctx, s.o.MappingFile)
}

// textRequest is a request about the text of a mapping.
type textRequest struct {
	Text string `json:"text"`
}

func (s *Server) checkMapping(w http.ResponseWriter, r *http.Request) error {
	var q textRequest
	if err := readJSON(r, &q); err != nil {
		return err
	}
	type table struct {
		Name    string `json:"name"`
		Columns int    `json:"columns"`
		Per     string `json:"per"` // what gives a row
	}
	a := struct {
		Faults   []fault  `json:"faults"`
		Cautions []string `json:"cautions"`
		SHA256   string   `json:"sha256"`
		Tables   []table  `json:"tables"`
	}{[]fault{}, []string{}, "", []table{}}
	m, err := mapping.Parse(mappingName, []byte(q.Text))
	if err != nil {
		a.Faults = faultsOf(err)
		return answerJSON(w, http.StatusOK, a)
	}
	a.SHA256 = m.Hash()
	a.Cautions = append(append(a.Cautions, m.Cautions()...), m.WidthCautions()...)
	for i := range m.Tables {
		t := &m.Tables[i]
		a.Tables = append(a.Tables, table{t.Name, len(m.Schema(t).Columns), documents.RowPer(t)})
	}
	return answerJSON(w, http.StatusOK, a)
}

func (s *Server) getMappingSchema(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/schema+json")
	_, _ = w.Write(mapping.JSONSchema) // who asked may be gone
	return nil
}

// diffMapping says what a text changes of the mapping at work.
func (s *Server) diffMapping(w http.ResponseWriter, r *http.Request) error {
	var q textRequest
	if err := readJSON(r, &q); err != nil {
		return err
	}
	m, err := mapping.Parse(mappingName, []byte(q.Text))
	if err != nil {
		return wrongMapping(w, err)
	}
	type change struct {
		Kind mappingdiff.Class `json:"kind"`
		Text string            `json:"text"`
		Path string            `json:"path"`
	}
	all := []change{}
	for _, c := range mappingdiff.Mappings(s.Setup().Pipeline.Mapping, m) {
		all = append(all, change{c.Class, c.Text(), c.Path})
	}
	return answerJSON(w, http.StatusOK, struct {
		Changes []change `json:"changes"`
	}{all})
}
