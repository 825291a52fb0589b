// Package config reads sluice.yaml: where objects come from and go to, with
// which mapping, and how they are made known. Every value can be overridden by
// an environment variable, so that the Lambda function needs no file. What
// contradicts itself is an error at the start, in one line, and not one for
// each object later. docs/config.md describes the file.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config is a checked configuration.
type Config struct {
	Source     Location // objects are read here
	Sink       Location // outputs are written here
	Ledger     Location
	Quarantine Location
	Mapping    string   // a preset or a file
	Suffixes   []string // of source keys; none: all
	OnDelete   string   // keep, remove
	Codec      string   // zstd, snappy, none
	Threads    int      // row groups of one object worked on at once
	Workers    int      // objects worked on at once
	Catalog    Catalog
	S3         S3
}

// Catalog says how committed files are made known.
type Catalog struct {
	Kind     string // crawler, glue, none
	Crawler  string // name of the Glue crawler
	Database string // of the Glue Data Catalog
}

// S3 is where buckets are, if not where AWS has them.
type S3 struct {
	Region    string
	Endpoint  string // of an S3-compatible server
	PathStyle bool   // http://host/bucket/key instead of http://bucket.host/key
}

// file is sluice.yaml as it is written.
type file struct {
	Source     string   `yaml:"source"`
	Sink       string   `yaml:"sink"`
	Ledger     string   `yaml:"ledger"`
	Quarantine string   `yaml:"quarantine"`
	Mapping    string   `yaml:"mapping"`
	Suffixes   []string `yaml:"suffixes"`
	OnDelete   string   `yaml:"on_delete"`
	Codec      string   `yaml:"codec"`
	Threads    string   `yaml:"threads"`
	Workers    string   `yaml:"workers"`
	Catalog    struct {
		Kind     string `yaml:"kind"`
		Crawler  string `yaml:"crawler"`
		Database string `yaml:"database"`
	} `yaml:"catalog"`
	S3 struct {
		Region    string `yaml:"region"`
		Endpoint  string `yaml:"endpoint"`
		PathStyle string `yaml:"path_style"`
	} `yaml:"s3"`
}

// variables are the names of the environment and the values they override.
func (f *file) variables() map[string]*string {
	return map[string]*string{
		"SLUICE_SOURCE": &f.Source, "SLUICE_SINK": &f.Sink, "SLUICE_LEDGER": &f.Ledger, "SLUICE_QUARANTINE": &f.Quarantine,
		"SLUICE_MAPPING": &f.Mapping, "SLUICE_ON_DELETE": &f.OnDelete, "SLUICE_CODEC": &f.Codec,
		"SLUICE_THREADS": &f.Threads, "SLUICE_WORKERS": &f.Workers,
		"SLUICE_CATALOG": &f.Catalog.Kind, "SLUICE_CRAWLER": &f.Catalog.Crawler, "SLUICE_DATABASE": &f.Catalog.Database,
		"SLUICE_S3_REGION": &f.S3.Region, "SLUICE_S3_ENDPOINT": &f.S3.Endpoint, "SLUICE_S3_PATH_STYLE": &f.S3.PathStyle,
	}
}

// Load reads the file name, or none if it is empty, and the environment.
func Load(name string, getenv func(string) string) (Config, error) {
	var data []byte
	if name != "" {
		var err error
		if data, err = os.ReadFile(name); err != nil {
			return Config{}, fmt.Errorf("read configuration: %w", err)
		}
	}
	return Parse(name, data, getenv)
}

// Parse is Load for a file that was read; name is used in errors.
func Parse(name string, data []byte, getenv func(string) string) (Config, error) {
	var f file
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("read configuration %s: %s", name, oneLine(err))
	}
	for variable, value := range f.variables() {
		if v := getenv(variable); v != "" {
			*value = v
		}
	}
	if v := getenv("SLUICE_SUFFIXES"); v != "" {
		f.Suffixes = strings.Split(v, ",")
	}
	c, err := f.config()
	if err != nil {
		return Config{}, fmt.Errorf("configuration %s: %w", orEnvironment(name), err)
	}
	return c, nil
}

// oneLine is what the YAML parser says, without its line ends and the names of
// Go types.
func oneLine(err error) string {
	_, text, _ := strings.Cut(err.Error(), ": ")
	lines := strings.Split(strings.TrimPrefix(text, "unmarshal errors:\n"), "\n")
	for i, line := range lines {
		line, _, _ = strings.Cut(line, " in type ")
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "; ")
}

func orEnvironment(name string) string {
	if name == "" {
		return "of the environment"
	}
	return name
}

func (f *file) config() (c Config, err error) {
	if f.Source == "" {
		return c, errors.New("source is missing; name the folder of the raw objects, such as s3://bucket/raw_orders_data/ (or SLUICE_SOURCE)")
	}
	if c.Source, err = ParseLocation(f.Source); err != nil {
		return c, fmt.Errorf("source: %w", err)
	}
	for _, l := range []struct {
		name, value, folder string
		to                  *Location
	}{
		{"sink", f.Sink, "orders_data_parquet/", &c.Sink},
		{"ledger", f.Ledger, "ledger/", &c.Ledger},
		{"quarantine", f.Quarantine, "quarantine/", &c.Quarantine},
	} {
		if l.value == "" {
			*l.to = c.Source.Beside(l.folder)
			continue
		}
		if *l.to, err = ParseLocation(l.value); err != nil {
			return c, fmt.Errorf("%s: %w", l.name, err)
		}
	}
	c.Mapping = or(f.Mapping, "orders")
	c.Suffixes = f.Suffixes
	c.OnDelete, c.Codec = or(f.OnDelete, "keep"), or(f.Codec, "zstd")
	c.Catalog = Catalog{Kind: or(f.Catalog.Kind, "crawler"), Crawler: or(f.Catalog.Crawler, "etl-pipeline-orders"), Database: f.Catalog.Database}
	if c.Threads, err = number("threads", f.Threads, 1); err != nil {
		return c, err
	}
	if c.Workers, err = number("workers", f.Workers, min(runtime.GOMAXPROCS(0), 8)); err != nil {
		return c, err
	}
	c.S3 = S3{Region: f.S3.Region, Endpoint: f.S3.Endpoint}
	if f.S3.PathStyle != "" {
		if c.S3.PathStyle, err = strconv.ParseBool(f.S3.PathStyle); err != nil {
			return c, fmt.Errorf("s3.path_style: %q is neither true nor false", f.S3.PathStyle)
		}
	}
	return c, c.Check()
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

func number(name, value string, otherwise int) (int, error) {
	if value == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 64 {
		return 0, fmt.Errorf("%s: %q is no number from 1 to 64", name, value)
	}
	return n, nil
}

// Check refuses what contradicts itself.
func (c Config) Check() error {
	if !slices.Contains([]string{"keep", "remove"}, c.OnDelete) {
		return fmt.Errorf("on_delete: %q; use keep or remove", c.OnDelete)
	}
	if !slices.Contains([]string{"zstd", "snappy", "none"}, c.Codec) {
		return fmt.Errorf("codec: %q; use zstd, snappy or none", c.Codec)
	}
	if !slices.Contains([]string{"crawler", "glue", "none"}, c.Catalog.Kind) {
		return fmt.Errorf("catalog.kind: %q; use crawler, glue or none", c.Catalog.Kind)
	}
	if c.Catalog.Kind == "glue" && c.Catalog.Database == "" {
		return errors.New("catalog.database is missing: catalog.kind glue needs the name of the Glue database")
	}
	places := []struct {
		name string
		at   Location
	}{{"source", c.Source}, {"sink", c.Sink}, {"ledger", c.Ledger}, {"quarantine", c.Quarantine}}
	for i, a := range places {
		for _, b := range places[i+1:] {
			switch {
			case a.at.Holds(b.at):
				return fmt.Errorf("%s %s lies under %s %s; give each a folder of its own", b.name, b.at, a.name, a.at)
			case b.at.Holds(a.at):
				return fmt.Errorf("%s %s lies under %s %s; give each a folder of its own", a.name, a.at, b.name, b.at)
			}
		}
	}
	return nil
}
