//go:build corpora

package corpora

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

// found is a copy of a folder of fixtures/found, and the command to try on it.
type found struct {
	*testing.T
	exe, dir string
}

// TestFound: every input by which a fault was found gives what its EXPECT.md
// says. A folder without a case here fails.
func TestFound(t *testing.T) {
	cases := map[string]func(*found){
		"config-errors":                             configErrors,
		"docs-mislead":                              docsMislead,
		"dropped-table-stays":                       droppedTableStays,
		"explode-no-column-below":                   explodeNoColumnBelow,
		"gzip-many-empty-members":                   gzipManyEmptyMembers,
		"gzip-twice-hint":                           gzipTwiceHint,
		"hint-with-several-tables":                  hintWithSeveralTables,
		"list-cuts-keys":                            listCutsKeys,
		"output-dev-stdout":                         outputDevStdout,
		"page-with-null-list":                       pageWithNullList,
		"provenance-non-utf8-name":                  provenanceNonUTF8Name,
		"quarantine-amplification":                  quarantineAmplification,
		"report-not-written-says-nothing-committed": reportNotWritten,
		"sighup-leaves-temp":                        sighupLeavesTemp,
		"unknown-inside-json-column":                unknownInsideJSONColumn,
		"zstd-dictionary":                           zstdDictionary,
	}
	exe := filepath.Join(t.TempDir(), "sluice")
	if out, err := exec.Command("go", "build", "-o", exe, "sluice/cmd/sluice").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	folders, err := os.ReadDir(filepath.Join(shared, "fixtures/found"))
	if err != nil || len(folders) < len(cases) {
		t.Fatalf("%d folders for %d cases: %v", len(folders), len(cases), err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			try := cases[folder.Name()]
			if try == nil {
				t.Fatal("there is no case for this folder")
			}
			f := &found{t, exe, t.TempDir()}
			for _, name := range allFiles(t, filepath.Join("fixtures/found", folder.Name())) {
				f.write(filepath.Base(name), string(read(t, name)))
			}
			try(f)
		})
	}
	t.Logf("found: %d folders", len(folders))
}

// write makes a file in the folder of the case.
func (f *found) write(name, text string) {
	f.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		f.Fatal(err)
	}
}

func (f *found) read(name string) string {
	f.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.Fatal(err)
	}
	return string(data)
}

// one is the only file that a pattern matches.
func (f *found) one(pattern string) string {
	f.Helper()
	names, err := filepath.Glob(filepath.Join(f.dir, pattern))
	if err != nil || len(names) != 1 {
		f.Fatalf("%s matches %d files: %v", pattern, len(names), err)
	}
	name, err := filepath.Rel(f.dir, names[0])
	if err != nil {
		f.Fatal(err)
	}
	return name
}

// rows are the cells of a Parquet file; the first row has the names.
func (f *found) rows(name string) [][]string { f.Helper(); return rows(f.T, []byte(f.read(name))) }

// sh runs a line of shell in the folder of the case; sluice is the command.
func (f *found) sh(want int, line string) (stdout, stderr string) {
	f.Helper()
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(f.exe)+string(os.PathListSeparator)+os.Getenv("PATH"))
	var out, errw bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errw
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		f.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		f.Errorf("%s: exit code %d, want %d\n%s%s", line, code, want, out.String(), errw.String())
	}
	return out.String(), errw.String()
}

// says holds a text against patterns; one that begins with ! must not match.
func (f *found) says(text string, patterns ...string) {
	f.Helper()
	for _, p := range patterns {
		pattern, not := strings.CutPrefix(p, "!")
		if regexp.MustCompile("(?m)"+pattern).MatchString(text) == not {
			f.Errorf("want %s in:\n%s", p, text)
		}
	}
}

func configErrors(f *found) {
	parser := "!unmarshal|struct|!!|not found in"
	_, told := f.sh(2, "sluice run -c sluice.yaml")
	f.says(told, `sluice.yaml:3: catalog .*write catalog: \{kind: none\}`, parser)
	_, told = f.sh(2, "sluice run -c sluice2.yaml")
	f.says(told, `sluice2.yaml:2: .*unknown key "mappings"; use source, .*suffixes.*did you mean mapping\?`, parser)
	f.write("sluice3.yaml", "source: raw/\nsuffixes: .json\n")
	_, told = f.sh(2, "sluice run -c sluice3.yaml")
	f.says(told, `sluice3.yaml:2: suffixes must be a list.*suffixes: \[.json\]`, parser)
	f.write("in.json", "[]")
	_, told = f.sh(2, "sluice convert in.json -m shopfy -o o.parquet")
	f.says(told, "shopify", "woocommerce")
}

// What the documents say of each is what the command does.
func docsMislead(f *found) {
	row := func(doc, pattern string) string {
		f.Helper()
		text, err := os.ReadFile(filepath.Join("../../docs", doc))
		if err != nil {
			f.Fatal(err)
		}
		found := regexp.MustCompile("(?m)^.*" + pattern + ".*$").Find(text)
		if found == nil {
			f.Errorf("docs/%s has no line of %s", doc, pattern)
		}
		return string(found)
	}
	_, told := f.sh(1, "sluice convert input-log.txt -o o.parquet")
	f.says(told, `: not_json: `)
	f.says(row("formats.md", "a log whose lines begin with a word or a date"), "not_json")

	f.sh(0, "sluice mapping check mapping.yaml")
	f.sh(0, "sed 's/string, number, integer/string, integer, number/' mapping.yaml >other.yaml && sluice mapping check other.yaml")

	// Arrays one after another are values only with a line end between them:
	// "[][]" is no JSON (n_structure_double_array of JSONTestSuite).
	_, told = f.sh(1, "sluice convert input-arrays.json -m mapping-arrays.yaml -o o.parquet")
	f.says(told, "trailing_data")
	f.sh(0, `sed 's/\]\[/]\n[/' input-arrays.json >lines.json && sluice convert lines.json -m mapping-arrays.yaml -o lines.parquet`)
	if got := f.rows("lines.parquet"); len(got) != 3 || got[1][0] != "1" || got[2][0] != "2" {
		f.Errorf("rows %v", got)
	}
	row("formats.md", "`\\[…\\]\\[…\\]` is `trailing_data`")
	row("config.md", "A relative path.*in which the command runs")

	// catalog: none means nothing, in folders too.
	f.write("raw/a.json", `[{"id":"1"}]`)
	f.write("none.yaml", "source: raw/\nmapping: other.yaml\ncatalog: {kind: none}\n")
	_, told = f.sh(0, "sluice run -c none.yaml")
	f.says(told, "!catalog")
	if _, err := os.Stat(filepath.Join(f.dir, "catalog")); err == nil {
		f.Error("a catalog was made")
	}
	row("catalog.md", "`none` writes nothing there either")
}

// Tables that the mapping dropped have no rows of what is gone.
func droppedTableStays(f *found) {
	f.sh(0, "sh run.sh")
	names, err := filepath.Glob(filepath.Join(f.dir, "D/sink/*/*.parquet"))
	if err != nil || len(names) == 0 {
		f.Fatalf("%v, %v", names, err)
	}
	for _, name := range names {
		name, _ = filepath.Rel(f.dir, name)
		if got := f.rows(name); len(got) != 1 {
			f.Errorf("%s holds %v", name, got[1:])
		}
	}
}

func explodeNoColumnBelow(f *found) {
	f.sh(0, "sluice mapping check mapping.yaml")
	f.sh(0, "sluice convert input.ndjson -m mapping.yaml -o o.parquet")
	got := f.rows("o.parquet")
	if len(got) != 4 || got[1][0] != "1" || got[2][0] != "1" || got[3][0] != "2" {
		f.Errorf("rows %v", got)
	}
	for _, more := range []string{"unknown_fields: keep", "provenance: true"} {
		f.write("more.yaml", f.read("mapping.yaml")+more+"\n")
		f.sh(0, "sluice convert input.ndjson -m more.yaml -o more.parquet")
		if got := f.rows("more.parquet"); len(got) != 4 {
			f.Errorf("%s: rows %v", more, got)
		}
	}
}

func gzipManyEmptyMembers(f *found) {
	name := f.one("*.json.gz")
	f.sh(0, "sluice convert "+name+" -o o.parquet")
	f.sh(0, "zcat "+name+" | sluice convert - -o plain.parquet")
	if f.read("o.parquet") != f.read("plain.parquet") {
		f.Error("compressed and plain give different files")
	}
}

func gzipTwiceHint(f *found) {
	_, told := f.sh(1, "sluice convert input.json.gz -m mapping.yaml -o o.parquet")
	f.says(told, "compressed twice; one layer is taken off", `hint: .*gunzip -c FILE \| sluice convert -`, "!name the right file")
}

func hintWithSeveralTables(f *found) {
	told, _ := f.sh(3, "sluice convert input.json -m mapping.yaml -o out/")
	next := regexp.MustCompile(`(?m)^  (sluice convert .* -o \S+/ -m mapping.yaml)$`).FindStringSubmatch(told)
	if next == nil {
		f.Fatalf("no command with a folder in:\n%s", told)
	}
	f.sh(3, next[1])
	told, _ = f.sh(3, "sluice convert input.json -m mapping.yaml -o ./-out/ && false || cp input.json ./-i.json && sluice convert ./-i.json -m mapping.yaml -o ./-out/")
	f.says(told, `sluice convert \./-out/-i\.quarantine\.ndjson `)
}

func listCutsKeys(f *found) {
	for _, n := range []string{"001", "002"} {
		f.write("L/raw_orders_data/year=2024/month=01/day=10/orders-export-shop-"+n+"-20240110.json", f.read("input.json"))
	}
	f.sh(3, "sluice run --lake L -m mapping.yaml")
	told, _ := f.sh(0, "sluice quarantine list --lake L -m mapping.yaml")
	for _, n := range []string{"001", "002"} {
		key := "raw_orders_data/year=2024/month=01/day=10/orders-export-shop-" + n + "-20240110.json"
		f.says(told, " "+key+" ")
		f.sh(0, "sluice quarantine show --lake L -m mapping.yaml "+key)
	}
	const path = "$.customer.defaultAddress.geolocation.coordinates.latitude"
	f.write("deep.yaml", "table: t\ncolumns: [{name: a, path: "+path+", type: double}]\n")
	f.write("deep.json", `{"customer":{"defaultAddress":{"geolocation":{"coordinates":{"latitude":"north"}}}}}`)
	told, _ = f.sh(0, "sluice mapping preview -m deep.yaml deep.json")
	f.says(told, " "+regexp.QuoteMeta(path)+", column")
	f.write("an-input-with-a-rather-long-name-of-its-own.json", "[]")
	told, _ = f.sh(3, "sluice convert deep.json an-input-with-a-rather-long-name-of-its-own.json -m deep.yaml -o a-folder-with-a-long-name-too")
	f.says(told, " an-input-with-a-rather-long-name-of-its-own.json ", " a-folder-with-a-long-name-too/an-input-with-a-rather-long-name-of-its-own.parquet ")
}

func outputDevStdout(f *found) {
	f.sh(0, "sluice convert input.json -m mapping.yaml -o whole.parquet")
	for _, line := range []string{
		"sluice convert input.json -m mapping.yaml -o /dev/stdout | cat >got",
		"sluice convert input.json -m mapping.yaml -o /dev/fd/1 | cat >got",
		"sluice convert input.json -m mapping.yaml -o /dev/fd/1 >got",
		"sluice convert input.json -m mapping.yaml -o /proc/self/fd/1 >got",
	} {
		_, told := f.sh(0, line)
		f.says(told, "records  1 read")
		if f.read("got") != f.read("whole.parquet") {
			f.Errorf("%s: other bytes than those of a file", line)
		}
	}
	f.write("bad.json", `{"id":{}}`)
	told, _ := f.sh(3, "sluice convert bad.json -m mapping.yaml -o o.parquet --quarantine /dev/stdout")
	f.says(told, `\A\{"sluice_quarantine":1,[^\n]*\}\n\z`)
}

func pageWithNullList(f *found) {
	f.sh(0, "sluice convert input.json -m mapping.yaml -o o.parquet")
	f.write("only.yaml", strings.Replace(f.read("mapping.yaml"), `["$[*]", "$.orders[*]", "$"]`, `["$.orders[*]"]`, 1))
	f.sh(0, "sluice convert input.json -m only.yaml -o only.parquet")
	for _, name := range []string{"o.parquet", "only.parquet"} {
		if got := f.rows(name); len(got) != 1 {
			f.Errorf("%s: rows %v", name, got)
		}
	}
	f.write("pages.json", `{"orders":[{"id":1}]}`+"\n"+`{"orders":null}`+"\n"+`{"orders":[{"id":2}]}`+"\n")
	f.sh(0, "sluice convert pages.json -m mapping.yaml -o pages.parquet")
	if got := f.rows("pages.parquet"); len(got) != 3 {
		f.Errorf("rows of pages: %v", got)
	}
}

func provenanceNonUTF8Name(f *found) {
	f.sh(0, `cp input.json "$(printf 'bad\377.json')" && sluice convert "$(printf 'bad\377.json')" -m mapping.yaml -o o.parquet`)
	if file := f.read("o.parquet"); strings.Contains(file, "bad\xff") {
		f.Error("the name stands in the file as it is")
	}
	got := f.rows("o.parquet")
	if key := column(f.T, got, 0, "_source_key"); !utf8.ValidString(key) || key != "bad\ufffd.json" {
		f.Errorf("_source_key is %q", key)
	}
	f.write("lake/raw_orders_data/good.json", f.read("input.json"))
	f.sh(0, `cp input.json "$(printf 'lake/raw_orders_data/bad\377.json')"`)
	out, told := f.sh(1, "sluice run --lake lake -m mapping.yaml")
	f.says(out+told, `bad(\\xff|\x{FFFD})\.json`)
	out, told = f.sh(0, "sluice doctor --lake lake -m mapping.yaml || true")
	f.says(out+told, `bad(\\xff|\x{FFFD})\.json|left out`)
}

// 138 kB must not write gigabytes before they are turned down.
func quarantineAmplification(f *found) {
	name := f.one("*.json.gz")
	_, told := f.sh(1, "sluice convert "+name+" -m orders -o o.parquet --quarantine pipe.ndjson")
	f.says(told, "quarantine_share|quarantine_bytes")
	f.sh(1, "mkfifo q && (wc -c <q >size &) && sluice convert "+name+" -m orders -o o.parquet --quarantine q")
	for deadline := time.Now().Add(time.Minute); f.size("size") == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatal("the quarantine was never counted")
		}
	}
	written := strings.TrimSpace(f.read("size"))
	if len(written) > len("99999999") {
		f.Errorf("%s bytes of quarantine were written", written)
	}
}

func (f *found) size(name string) int64 {
	info, err := os.Stat(filepath.Join(f.dir, name))
	if err != nil {
		return 0
	}
	return info.Size()
}

func reportNotWritten(f *found) {
	_, told := f.sh(1, "sluice convert input.json -m mapping.yaml -o o.parquet --report json >/dev/full")
	f.says(told, "!nothing was committed", "only the report")
	f.rows("o.parquet")
	f.write("lake/raw_orders_data/a.json", f.read("input.json"))
	_, told = f.sh(1, "sluice run --lake lake -m mapping.yaml --report json >/dev/full")
	f.says(told, "!nothing was committed", "only the report")
	f.rows(f.one("lake/orders_data_parquet/*.parquet"))
}

func sighupLeavesTemp(f *found) {
	cmd := exec.Command(f.exe, "convert", "-", "-m", "mapping.yaml", "-o", "o.parquet")
	cmd.Dir = f.dir
	in, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	defer cmd.Process.Kill()
	hidden := func() []string {
		names, err := filepath.Glob(filepath.Join(f.dir, ".*"))
		if err != nil {
			f.Fatal(err)
		}
		return names
	}
	if _, err := io.WriteString(in, strings.Repeat(`{"id":"1"}`+"\n", 1<<16)); err != nil {
		f.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(hidden()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatal("no hidden file appears")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		f.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		f.Errorf("exit code %d", code)
	}
	if left := folder(f.T, f.dir); !slices.Equal(left, []string{"EXPECT.md", "mapping.yaml"}) {
		f.Errorf("the folder holds %v", left)
	}
}

func unknownInsideJSONColumn(f *found) {
	told, _ := f.sh(0, "sluice convert input.json -m mapping.yaml -o o.parquet --report json")
	f.says(told, `"outcome":"accept"`, `"unknown_fields":0`)
	f.write("keep.yaml", strings.Replace(f.read("mapping.yaml"), "reject", "keep", 1))
	told, _ = f.sh(0, "sluice convert input.json -m keep.yaml -o keep.parquet --report json")
	f.says(told, `"unknown_fields":0`)
	if rescued := column(f.T, f.rows("keep.parquet"), 0, "_rescued"); rescued != null {
		f.Errorf("_rescued is %q", rescued)
	}
	f.write("raw.yaml", "table: u\nunknown_fields: reject\ncolumns:\n  - {name: y, path: $.x.y, type: int64}\n  - {name: raw, path: $, type: json}\n")
	told, _ = f.sh(0, "sluice convert input.json -m raw.yaml -o raw.parquet --report json")
	f.says(told, `"outcome":"accept"`)
}

func zstdDictionary(f *found) {
	_, told := f.sh(1, "sluice convert input.json.zst -m mapping.yaml -o o.parquet")
	f.says(told, "zstd_dictionary", "dictionary, which is not supported", "!damaged|fetch it again")
	doc, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		f.Fatal(err)
	}
	f.says(string(doc), "dictionary")
}
