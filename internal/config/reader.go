package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"sluice/internal/suggest"
	"sluice/internal/yamlfile"
)

// variables are the keys of the file, and the variables that override them.
var variables = []struct{ key, name string }{
	{"source", "SLUICE_SOURCE"}, {"sink", "SLUICE_SINK"}, {"ledger", "SLUICE_LEDGER"}, {"quarantine", "SLUICE_QUARANTINE"},
	{"mapping", "SLUICE_MAPPING"}, {"hash_key_secret", hashKeySecretVariable}, {"event_bus", "SLUICE_EVENT_BUS"}, {"suffixes", "SLUICE_SUFFIXES"}, {"event_sources", "SLUICE_EVENT_SOURCES"}, {"on_delete", "SLUICE_ON_DELETE"}, {"codec", "SLUICE_CODEC"},
	{"threads", "SLUICE_THREADS"}, {"workers", "SLUICE_WORKERS"},
	{"catalog.kind", "SLUICE_CATALOG"}, {"catalog.crawler", "SLUICE_CRAWLER"}, {"catalog.crawl", "SLUICE_CRAWL"},
	{"catalog.database", "SLUICE_DATABASE"},
	{"table.format", "SLUICE_TABLE"}, {"table.partition", "SLUICE_TABLE_PARTITION"}, {"table.catalog", "SLUICE_TABLE_CATALOG"}, {"table.commit", "SLUICE_TABLE_COMMIT"},
	{"table.uri", "SLUICE_TABLE_URI"}, {"table.warehouse", "SLUICE_TABLE_WAREHOUSE"}, {"table.namespace", "SLUICE_TABLE_NAMESPACE"},
	{"table.signing", "SLUICE_TABLE_SIGNING"},
	{"s3.region", "SLUICE_S3_REGION"}, {"s3.endpoint", "SLUICE_S3_ENDPOINT"}, {"s3.path_style", "SLUICE_S3_PATH_STYLE"},
	{"s3.timeout", "SLUICE_S3_TIMEOUT"},
}

// lists are the keys whose value is a list of texts, with an example of one.
var lists = map[string]string{"suffixes": ".json", "event_sources": "aws:s3", "table.partition": "day(order_date)"}

// otherVariables are those that the file does not have: a secret, and those of the
// Lambda function.
var otherVariables = []string{hashKeyVariable, tableTokenVariable, "SLUICE_CONFIG", "SLUICE_LOG_KEYS", "SLUICE_SPLIT_ABOVE", "SLUICE_SPLIT_MACHINE"}

// under returns the names of the keys in a section of the file. The section ""
// is the top level, and its names include those of the other sections.
func under(section string) (names []string) {
	for _, v := range variables {
		first, rest, nested := strings.Cut(v.key, ".")
		switch {
		case section == "" && !slices.Contains(names, first):
			names = append(names, first)
		case nested && first == section:
			names = append(names, rest)
		}
	}
	return names
}

// setting is a value and where it was set: in a variable, or at a node of the file.
type setting struct {
	text, variable string
	node           *yaml.Node
}

// reader collects the settings and their faults.
type reader struct {
	file     yamlfile.Reader
	settings map[string]setting
	lists    map[string][]string
	wrong    []error // of the environment
}

func newReader(name string, data []byte, getenv func(string) string) *reader {
	r := &reader{file: yamlfile.Reader{File: name, Kind: "configuration"}, settings: map[string]setting{}, lists: map[string][]string{}}
	if root := r.file.Document(data); root != nil {
		r.section(root, "")
	}
	r.environment(getenv)
	return r
}

// section reads the keys of the file, or of a key that has others below it.
func (r *reader) section(n *yaml.Node, section string) {
	what, names := section, under(section)
	if section == "" {
		what = "configuration"
	} else if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		r.file.Fail(n, "%s must have keys (%s), found %s; write %s: {%s: %s}", section, strings.Join(names, ", "), yamlfile.KindOf(n), section, names[0], example(n, "…"))
		return
	}
	if n.ShortTag() == "!!null" {
		return // an empty section counts as missing
	}
	members := r.file.Object(n, what, names...)
	for _, name := range names {
		m := members[name]
		switch {
		case m == nil || m.ShortTag() == "!!null":
		case section == "" && len(under(name)) > 0:
			r.section(m, name)
		case lists[join(section, name)] != "":
			r.list(m, join(section, name))
		case m.Kind != yaml.ScalarNode:
			r.file.Fail(m, "%s must be one value, found %s", join(section, name), yamlfile.KindOf(m))
		default:
			r.settings[join(section, name)] = setting{text: m.Value, node: m}
		}
	}
}

// example is the value of a node, if it can stand in YAML without quotes.
func example(n *yaml.Node, otherwise string) string {
	if n.Value == "" || strings.ContainsFunc(n.Value, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(",[]{}:#&*!|>'\"%@`", r) }) {
		return otherwise
	}
	return n.Value
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}

func (r *reader) list(n *yaml.Node, name string) {
	if n.Kind == yaml.ScalarNode {
		r.file.Fail(n, "%s must be a list, found %s; write %s: [%s]", name, yamlfile.KindOf(n), name, example(n, lists[name]))
		return
	}
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		return // the default
	}
	for _, e := range r.file.List(n, name) {
		if s, ok := r.file.Text(e, name); ok {
			r.lists[name] = append(r.lists[name], s)
		}
	}
}

// environment reads the variables. An empty variable overrides nothing. A
// mistyped one is refused: otherwise it would be ignored in silence.
func (r *reader) environment(getenv func(string) string) {
	known := slices.Clone(otherVariables)
	for _, v := range variables {
		known = append(known, v.name)
		text := getenv(v.name)
		switch {
		case text == "":
		case lists[v.key] != "":
			r.lists[v.key] = splitList(text)
		default:
			r.settings[v.key] = setting{text: text, variable: v.name}
		}
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "SLU") || slices.Contains(known, name) || getenv(name) == "" {
			continue
		}
		if near := suggest.DidYouMean(name, known); near != "" {
			r.wrong = append(r.wrong, fmt.Errorf("%s is not a variable of sluice%s", name, near))
		}
	}
}

// splitList splits a list at its commas, but for those inside brackets.
func splitList(text string) (parts []string) {
	depth, from := 0, 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts, from = append(parts, text[from:i]), i+1
			}
		}
	}
	return append(parts, text[from:])
}

// fail records a fault of a setting, with the place where it was set. A setting
// without a place is missing, or has its default.
func (r *reader) fail(key, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	switch s := r.settings[key]; {
	case s.variable != "":
		r.wrong = append(r.wrong, fmt.Errorf("%s: %s", s.variable, what))
	case r.file.File == "":
		r.wrong = append(r.wrong, fmt.Errorf("configuration of the environment: %s", what))
	case s.node == nil:
		r.file.Fail(&yaml.Node{}, "configuration: %s", what)
	default:
		r.file.Fail(s.node, "%s", what)
	}
}

func (r *reader) err() error {
	return errors.Join(append([]error{r.file.Err()}, r.wrong...)...)
}
