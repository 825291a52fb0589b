package infer_test

import (
	"strings"
	"testing"

	"sluice/mapping"
)

// Values stand in the comments, whatever they hold, so the mapping is the same.
func TestWithExamples(t *testing.T) {
	r := made(t, `{"id":1,"lines":[{"sku":"A-1"}]}`)
	text := r.WithExamples(func(table, column int) []string {
		name := r.Mapping.Tables[table].Columns[column].Name
		if name == "sku" {
			return []string{"A-1", "x\n- y: 'z'"}
		}
		return nil
	})
	if !strings.Contains(string(text), `{name: sku, `) || !strings.Contains(string(text), `; such as A-1, "x\n- y: 'z'"`+"\n") {
		t.Errorf("%s", text)
	}
	m, err := mapping.Parse("m.yaml", text)
	if err != nil || m.Hash() != r.Mapping.Hash() {
		t.Errorf("%v\n%s", err, text)
	}
}
