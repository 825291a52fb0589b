// Package config reads sluice.yaml: where objects come from and go to, which
// mapping they get, and which catalog lists the outputs. An environment variable
// can override every value, so the Lambda function needs no file. Settings that
// contradict each other are an error at the start, with the line or the variable,
// and not an error for each object later. docs/config.md describes the file.
package config

import (
	"fmt"
	"os"
	"time"
)

// Config is a checked configuration.
type Config struct {
	Source       Location // objects are read here
	Sink         Location // outputs are written here
	Ledger       Location
	Quarantine   Location
	Mapping      string   // a preset or a file; empty: nothing names one, so it is the default
	EventBus     string   // ARN of the bus that is told of new drift; empty: none
	HashKey      HashKey  // of its columns with hash: hmac
	Suffixes     []string // of source keys; none: all
	EventSources []string // of events, as eventSource spells them; none: aws:s3
	OnDelete     string   // keep, remove
	Codec        string   // one of Codecs
	Threads      int      // row groups of one object worked on at once
	Workers      int      // objects worked on at once
	Catalog      Catalog
	Table        Table
	S3           S3
}

// Catalog says how query engines learn of committed files.
type Catalog struct {
	Kind     string // crawler, glue, none
	Crawler  string // name of the Glue crawler
	Crawl    string // changed, always: which commits start it
	Database string // of the Glue Data Catalog
}

// Table says that outputs are tables whose files many objects share.
type Table struct {
	Format    string // iceberg; empty: each object has a file of its own
	Partition []Partition
	Catalog   string // file, glue, rest: who keeps the current state of tables
	Staged    bool   // batches are staged, and committed many at once by another

	// Of a REST catalog:
	URI       string // such as https://glue.eu-central-1.amazonaws.com/iceberg
	Warehouse string // as the server names it; may be empty
	Namespace string // of the tables; its parts are divided by dots
	Signing   string // service that requests are signed for: glue, s3tables; empty: they are not
	Token     Secret // bearer token; empty: none
}

// Secret is a text that no message may show.
type Secret string

// String hides the secret.
func (Secret) String() string { return "(hidden)" }

// GoString hides the secret.
func (Secret) GoString() string { return "(hidden)" }

// Partition divides the rows of a table by what a transform makes of a column.
type Partition struct {
	Transform string // identity, bucket, truncate, year, month, day, hour
	N         int    // buckets, or the width of truncate
	Column    string
}

// S3 says where buckets are, if they are not on AWS.
type S3 struct {
	Region    string
	Endpoint  string // of an S3-compatible server
	PathStyle bool   // http://host/bucket/key instead of http://bucket.host/key

	Timeout time.Duration // how long a call, also of Glue, may make no progress; 0: the default
}

// Load reads the file called name, if name is not empty, and the environment. Its
// error joins all faults, each as "name:line: what, how to fix it", or with the
// name of the variable.
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

// Buckets reads where buckets are from the environment: for a command that reads a
// bucket, and has no other use for a configuration.
func Buckets(getenv func(string) string) (S3, error) {
	r := newReader("", nil, getenv)
	s := r.s3()
	return s, r.err()
}

// Parse is Load for a file that is already in memory; name is used in errors.
func Parse(name string, data []byte, getenv func(string) string) (Config, error) {
	r := newReader(name, data, getenv)
	c := r.config()
	c.HashKey = r.hashKey(getenv)
	if c.Table.Format != "" {
		c.Table.Token = Secret(getenv(tableTokenVariable))
	}
	return c, r.err()
}
