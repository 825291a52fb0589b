package mapping_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"sluice/mapping"
	"sluice/schema"
)

var update = flag.Bool("update", false, "rewrite the expected sections of testdata/*.txtar")

// TestCases runs testdata/*.txtar: mapping.yaml gives the text of error or
// canonical. The JSON Schema accepts every valid mapping, and refuses those
// of structure_*.txtar.
func TestCases(t *testing.T) {
	schema := compileSchema(t)
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(name, func(t *testing.T) {
			c := readCase(t, file)
			in := []byte(c.input)
			m, err := mapping.Parse("mapping.yaml", in)
			kind, got := "canonical", ""
			if err != nil {
				kind, got = "error", err.Error()+"\n"
				if !strings.HasPrefix(name, "ok_") {
					checkLocated(t, err, in)
				}
			} else {
				got = m.Canonical()
			}
			if valid := strings.HasPrefix(name, "ok_"); valid != (err == nil) {
				t.Fatalf("valid = %t by its name, Parse says: %v", valid, err)
			}
			switch refused := validate(schema, in); {
			case err == nil && refused != nil:
				t.Errorf("JSON Schema refuses a valid mapping: %v", refused)
			case strings.HasPrefix(name, "structure_") && refused == nil:
				t.Error("JSON Schema accepts a mapping with an error of structure")
			}
			if *update {
				c.kind, c.want = kind, got
				c.write(t, file)
			}
			if d := cmp.Diff(testCase{c.title, c.input, kind, got}, c, cmp.AllowUnexported(testCase{})); d != "" {
				t.Errorf("-got +want:\n%s", d)
			}
		})
	}
}

// testCase is a txtar archive of two files: mapping.yaml, and error or canonical.
type testCase struct{ title, input, kind, want string }

func readCase(t testing.TB, file string) testCase {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	title, rest, ok1 := strings.Cut(string(text), "-- mapping.yaml --\n")
	for _, kind := range []string{"error", "canonical"} {
		if input, want, ok := strings.Cut(rest, "-- "+kind+" --\n"); ok && ok1 {
			return testCase{title, input, kind, want}
		}
	}
	t.Fatalf("%s needs the files mapping.yaml, and error or canonical", file)
	return testCase{}
}

func (c testCase) write(t *testing.T, file string) {
	t.Helper()
	text := c.title + "-- mapping.yaml --\n" + c.input + "-- " + c.kind + " --\n" + c.want
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkLocated checks that every error is "file:line: what", with a line of the
// file.
func checkLocated(t *testing.T, err error, in []byte) {
	t.Helper()
	located := regexp.MustCompile(`^mapping\.yaml:([0-9]+): .`)
	last := 0
	for _, line := range strings.Split(err.Error(), "\n") {
		m := located.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("error without file:line: %s", line)
			continue
		}
		var n int
		fmt.Sscan(m[1], &n)
		if n < last || n > bytes.Count(in, []byte("\n"))+1 {
			t.Errorf("line %d after %d, of %d bytes: %s", n, last, len(in), line)
		}
		last = n
	}
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(mapping.JSONSchema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mapping.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mapping.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(s *jsonschema.Schema, yamlText []byte) error {
	var v any
	if err := yaml.Unmarshal(yamlText, &v); err != nil {
		return err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

func TestPresets(t *testing.T) {
	s := compileSchema(t)
	want := []string{"amazon", "amazon_v0", "bigcommerce", "commercetools", "magento", "magento_search", "orders", "shopify", "square", "stripe", "woocommerce"}
	if d := cmp.Diff(want, mapping.Presets()); d != "" {
		t.Fatal(d)
	}
	for _, name := range mapping.Presets() {
		m, err := mapping.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		text, err := mapping.PresetSource(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, text); err != nil {
			t.Errorf("JSON Schema refuses preset %s: %v", name, err)
		}
		// What each table must have, internal/conversion tests.
		for _, table := range m.Tables {
			for _, c := range table.Columns {
				if name != mapping.DefaultPreset && c.Required && !strings.HasSuffix(c.Name, "id") {
					t.Errorf("preset %s: column %s is required; only ids may be", name, c.Name)
				}
			}
		}
	}
	if _, err := mapping.Preset("../orders"); err == nil {
		t.Error("a preset outside the folder was found")
	}
}

// TestOrdersPreset fixes the names and order of columns that users have.
func TestOrdersPreset(t *testing.T) {
	m, err := mapping.Preset(mapping.DefaultPreset)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range m.Schema(&m.Tables[0]).Columns {
		got = append(got, c.Name+" "+c.Type.String())
	}
	want := []string{
		"order_id string", "order_date timestamp",
		"customer_id string", "customer_name string", "customer_email string", "customer_address string",
		"product_id string", "product_category string", "product_name string",
		"product_price decimal(18,4)", "product_quantity int64", "total_amount decimal(18,4)",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestExamplesParse(t *testing.T) {
	s := compileSchema(t)
	files, err := filepath.Glob("../examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		if _, err := mapping.Load(file); err != nil {
			t.Error(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(s, text); err != nil {
			t.Errorf("JSON Schema refuses %s: %v", file, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := mapping.Load(filepath.Join(dir, "absent.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, bytes.Repeat([]byte("#\n"), 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := mapping.Load(big); err == nil || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
		t.Errorf("file of 2 MiB: %v", err)
	}
}

func TestErrorsEnd(t *testing.T) {
	_, err := mapping.Parse("m.yaml", []byte("table: t\ncolumns:\n"+strings.Repeat("  - {}\n", 1000)))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if last := lines[len(lines)-1]; len(lines) != 101 || !strings.HasSuffix(last, "and 2900 more errors; fix those above first") {
		t.Errorf("%d lines, the last: %s", len(lines), last)
	}
}

func TestSchemaAddsColumns(t *testing.T) {
	m, err := mapping.Parse("m.yaml", []byte(`
unknown_fields: keep
provenance: true
tables:
  - {table: records, columns: [{name: id, path: $.id, type: int64, required: true}]}
  - {table: items, explode: "$.items[*]", columns: [{name: id, path: $.id, type: int64}]}
  - {table: taxes, explode: "$.items[*].taxes[*]", columns: [{name: id, path: $.id, type: int64}]}
  - {table: errors, columns: [{name: id, path: $.id, type: int64, on_error: null}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"id", "_rescued", "_source_key", "_source_offset", "_record", "_line", "_subline"}
	wants := [][]string{all[:5], all[:6], all, {"id", "_rescued", "_errors", "_source_key", "_source_offset", "_record"}}
	for i, want := range wants {
		var got []string
		for _, c := range m.Schema(&m.Tables[i]).Columns {
			got = append(got, c.Name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("table %s: %s", m.Tables[i].Name, d)
		}
	}
	if c := m.Schema(&m.Tables[0]).Columns[0]; !c.Required || c.Type.Kind != schema.Int64 {
		t.Errorf("column id is %+v", c)
	}
}
