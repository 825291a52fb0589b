// Package setup turns a configuration into what the shells run: stores, ledger,
// pipeline, catalog and the rules for events. It is the only package that knows
// all implementations.
package setup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice"
	"sluice/internal/catalog"
	"sluice/internal/catalog/dircatalog"
	"sluice/internal/catalog/gluecatalog"
	"sluice/internal/catalog/gluecrawler"
	"sluice/internal/config"
	"sluice/internal/event"
	"sluice/internal/glue"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
	"sluice/internal/store/s3store"
	"sluice/mapping"
)

// Setup is a configuration at work.
type Setup struct {
	Config   config.Config
	Pipeline *pipeline.Pipeline
	Target   pipeline.Target // the pipeline itself, or tables
	Ledger   store.Store     // that the ledger is in
	Catalog  catalog.Catalog
	Tables   []catalog.Table // all of the mapping
	Allow    event.Allow

	// OldSink is the sink that the ledger was made for, as seen from the
	// ledger. It is empty if that is the sink of the configuration.
	OldSink string

	stores *stores
	owned  *ownership
}

// Lake is the configuration of a local lake in the folder dir, with the folders
// that a bucket has by default.
func Lake(dir string) config.Config {
	at := func(prefix string) config.Location { return config.Location{Dir: dir, Prefix: prefix} }
	return config.Config{
		Source: at("raw_orders_data/"), Sink: at("orders_data_parquet/"), Ledger: at("ledger/"), Quarantine: at("quarantine/"),
		OnDelete: "keep", Codec: string(sluice.Zstd), Threads: 1, Workers: 1,
		Catalog: config.Catalog{Kind: "glue"}, // in a folder: JSON files
	}
}

// AWS finds region, endpoint and credentials. It is called once, and only if the
// configuration names a bucket.
type AWS func(context.Context) (aws.Config, error)

// New opens what c names. If lake is not empty, every bucket is a folder of
// that name in it, and nothing of AWS is touched.
func New(ctx context.Context, c config.Config, lake string, find AWS) (*Setup, error) {
	m, err := LoadKeyedMapping(ctx, c.Mapping, c.HashKey, c.S3.Timeout, find)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{lake, c.Source.Dir} {
		if info, err := os.Stat(dir); dir != "" && err != nil {
			return nil, fmt.Errorf("open source: %w", err)
		} else if dir != "" && !info.IsDir() {
			return nil, fmt.Errorf("open source: %s is a file; name a folder", dir)
		}
	}
	s := &Setup{Config: c, stores: &stores{ctx: ctx, s3: c.S3, lake: lake, open: map[string]store.Store{}, find: find}, owned: &ownership{}}
	if err := s.apart(); err != nil {
		return nil, err
	}
	sink, err := s.stores.at(c.Sink, true)
	if err != nil {
		return nil, fmt.Errorf("open sink: %w", err)
	}
	led, err := s.stores.at(c.Ledger, true)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	bad, err := s.stores.at(c.Quarantine, true)
	if err != nil {
		return nil, fmt.Errorf("open quarantine: %w", err)
	}
	s.Ledger = led
	s.Pipeline = &pipeline.Pipeline{
		Mapping: m, MappingName: cmp.Or(c.Mapping, mapping.DefaultPreset), Codec: sluice.Codec(c.Codec), Threads: c.Threads,
		Source: func(bucket string) (store.Store, error) {
			if lake == "" && c.Source.Bucket == "" && bucket != "" {
				// An event must not open a bucket that no configuration names.
				return nil, fmt.Errorf("open source: it is a folder, but the event names bucket %q", bucket)
			}
			return s.stores.at(config.Location{Bucket: bucket, Dir: c.Source.Dir}, false)
		},
		Sink: sink, SinkPrefix: c.Sink.Prefix,
		Ledger:     ledger.New(led, c.Ledger.Prefix),
		Quarantine: bad, QuarantinePrefix: c.Quarantine.Prefix,
		RemoveDeleted: c.OnDelete == "remove",
		Computing:     memories(max(c.Workers, 1)),
	}
	s.Pipeline.News = pipeline.NewNews(s.Pipeline.Ledger, s.announce(), time.Now)
	s.Allow = Allow(c)
	s.tables(m)
	s.owned.mine, s.owned.ledgerAt, s.owned.sinkAt = s.places(), s.stores.where(c.Ledger, c.Sink), s.stores.real(c.Sink)
	if !s.stores.isBucket(c.Ledger) { // a folder may be known under another name
		if err := s.adopt(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
			s.Close()
			return nil, err
		}
	}
	if err := s.openTarget(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, s.openCatalog(ctx, led)
}

// WithMapping is the same setup with another mapping, over the same stores: what is
// at work with this one goes on with it. Call it after Own or CheckOwner, and close
// only one of the two.
func (s *Setup) WithMapping(ctx context.Context, name string) (*Setup, error) {
	m, err := LoadKeyedMapping(ctx, name, s.Config.HashKey, s.Config.S3.Timeout, s.stores.find)
	if err != nil {
		return nil, err
	}
	then, p := *s, *s.Pipeline
	p.Mapping, p.MappingName = m, cmp.Or(name, mapping.DefaultPreset)
	then.Config.Mapping, then.Pipeline, then.Tables = name, &p, nil
	then.tables(m)
	return &then, then.openTarget(ctx)
}

// apart follows links and makes sure that no two folders are the same, and none is
// inside another: an output in the source would be an object to process. The names
// themselves are checked with the configuration.
func (s *Setup) apart() error {
	c := s.Config
	places := []struct {
		name string
		at   config.Location
	}{{"source", c.Source}, {"sink", c.Sink}, {"ledger", c.Ledger}, {"quarantine", c.Quarantine}}
	for i, a := range places {
		for _, b := range places[i+1:] {
			if s.stores.isBucket(a.at) || s.stores.isBucket(b.at) {
				continue
			}
			x, y := config.Location{Dir: s.stores.real(a.at)}, config.Location{Dir: s.stores.real(b.at)}
			if x.Holds(y) || y.Holds(x) {
				return &ledger.OwnerError{Text: fmt.Sprintf("%s %s and %s %s overlap because of a link: they are %s and %s; give each a folder of its own", a.name, a.at, b.name, b.at, x, y)}
			}
		}
	}
	return nil
}

// Allow says which objects events may make us look at.
func Allow(c config.Config) event.Allow {
	a := event.Allow{
		Source:   []event.Location{{Bucket: c.Source.Bucket, Prefix: c.Source.Prefix}},
		Suffixes: c.Suffixes, EventSources: c.EventSources,
		Deletes: c.OnDelete == "remove",
	}
	for _, l := range []config.Location{c.Sink, c.Ledger, c.Quarantine} {
		if l.Bucket == c.Source.Bucket && l.Dir == c.Source.Dir {
			a.Deny = append(a.Deny, event.Location{Bucket: l.Bucket, Prefix: l.Prefix})
		}
	}
	return a
}

// IsSource reports whether a key is one of those that are processed.
func (s *Setup) IsSource(key string) bool {
	return s.Allow.Check(event.Object{Bucket: s.Config.Source.Bucket, Key: key}).Action == event.Process
}

// Listed says what to do about an object in a listing of the source: process it,
// or skip it by a rule (docs/events.md#reasons). With any other action it is left
// out, and a person must be told why.
func (s *Setup) Listed(info store.Info) event.Record {
	r := s.Allow.Listed(event.Object{Bucket: s.Config.Source.Bucket, Key: info.Key, ETag: info.ETag, Size: info.Size})
	// The suffix of a link says nothing about the objects in the folder it leads to.
	mayHoldMore := errors.Is(info.Err, store.ErrLink) && r.Reason == event.OtherSuffix
	if info.Err != nil && (r.Action != event.Skip || mayHoldMore) {
		r.Action, r.Reason, r.Detail = event.Error, event.BadKey, info.Err.Error()
	}
	return r
}

// MappingError says that there is no such mapping, or what is wrong in it.
type MappingError struct{ Err error }

func (e *MappingError) Error() string { return e.Err.Error() }
func (e *MappingError) Unwrap() error { return e.Err }

// LoadMapping reads a preset or a mapping file; without a name, the default. The name of a preset always means
// the preset; for a file of that name write ./orders.
func LoadMapping(name string) (*mapping.Mapping, error) {
	name = cmp.Or(name, mapping.DefaultPreset)
	load := mapping.Load
	if slices.Contains(mapping.Presets(), name) {
		load = mapping.Preset
	}
	m, err := load(name)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(name) == name && filepath.Ext(name) == "" {
		_, no := mapping.PresetSource(name)
		err = fmt.Errorf("%w; and there is %w", err, no)
	}
	if err != nil {
		return nil, &MappingError{err}
	}
	return m, nil
}

// tables describes the tables of the mapping for the catalog.
func (s *Setup) tables(m *mapping.Mapping) {
	for i := range m.Tables {
		t := &m.Tables[i]
		location := s.location()
		if len(m.Tables) > 1 {
			location += t.Name + "/"
		}
		database := s.Config.Catalog.Database
		if database == "" {
			database = "lake"
		}
		s.Tables = append(s.Tables, catalog.Table{Database: database, Schema: m.Schema(t), Location: location, MappingHash: m.Hash()})
	}
}

// location is the location of the outputs in the catalog: s3://bucket/prefix/, or
// the path from the catalog's folder, so that a lake can be moved.
func (s *Setup) location() string {
	c := s.Config
	if c.Sink.Bucket != "" && s.stores.lake == "" {
		return c.Sink.String()
	}
	place := filepath.Join(s.stores.folder(c.Sink), filepath.FromSlash(c.Sink.Prefix))
	if from, err := filepath.Rel(s.stores.folder(c.Ledger), place); err == nil {
		place = from
	}
	return filepath.ToSlash(place) + "/"
}

// TablesFound are the tables for the catalog. The argument says whether files of
// all of them are known to exist.
func (s *Setup) TablesFound(written bool) []catalog.Table {
	if written {
		return catalog.Written(s.Tables)
	}
	return s.Tables
}

// catalogFolder is where the catalog of a folder is, beside the ledger.
const catalogFolder = "catalog/"

func (s *Setup) openCatalog(ctx context.Context, led store.Store) error {
	c := s.Config
	switch {
	case c.Catalog.Kind == "none", c.Table.Format != "":
		s.Catalog = catalog.None{}
		return nil
	case s.stores.lake != "" || c.Sink.Bucket == "":
		s.Catalog = dircatalog.New(led, catalogFolder)
		return nil
	}
	client, err := s.glue(ctx)
	if err != nil {
		return fmt.Errorf("open catalog: %w", err)
	}
	if c.Catalog.Kind == "glue" {
		s.Catalog = gluecatalog.New(client)
		return nil
	}
	s.Catalog = gluecrawler.New(client, c.Catalog.Crawler, led, c.Ledger.Prefix, gluecrawler.Policy(c.Catalog.Crawl))
	return nil
}

// aws is where AWS is, for what is no bucket.
func (s *Setup) aws(ctx context.Context) (aws.Config, error) {
	found, err := s.stores.find(ctx)
	if err == nil && s.Config.S3.Region != "" {
		found.Region = s.Config.S3.Region
	}
	return found, err
}

func (s *Setup) glue(ctx context.Context) (*glue.Client, error) {
	found, err := s.aws(ctx)
	if err != nil {
		return nil, err
	}
	return glue.New(found, s.Config.S3.Timeout), nil
}

// Bucket opens a bucket by its name alone.
func Bucket(ctx context.Context, name string, where config.S3, find AWS) (store.Store, error) {
	s := stores{ctx: ctx, s3: where, find: find}
	return s.bucket(name)
}

// memories are those of n conversions.
func memories(n int) chan *sluice.Memory {
	all := make(chan *sluice.Memory, n)
	for range n {
		all <- new(sluice.Memory)
	}
	return all
}

// SinkFolder is the folder of the disk from which the keys of the sink are paths;
// empty if the sink is in a bucket.
func (s *Setup) SinkFolder() string {
	if s.stores.isBucket(s.Config.Sink) {
		return ""
	}
	return s.stores.folder(s.Config.Sink)
}

// SourceFolder is the folder of the disk from which the keys of the source are
// paths; empty if the source is in a bucket.
func (s *Setup) SourceFolder() string {
	if s.stores.isBucket(s.Config.Source) {
		return ""
	}
	src, err := s.Pipeline.Source(s.Config.Source.Bucket)
	if err != nil {
		return ""
	}
	return src.String()
}

// Close releases what was opened.
func (s *Setup) Close() { s.stores.close() }

// stores opens each bucket and folder once.
type stores struct {
	ctx  context.Context // for making the clients
	s3   config.S3
	lake string

	mu   sync.Mutex
	open map[string]store.Store
	root *s3store.Store
	find AWS
}

// at is the store of a location. It creates the folder if the location is written.
func (s *stores) at(l config.Location, written bool) (store.Store, error) {
	if s.isBucket(l) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.bucket(l.Bucket)
	}
	return s.dir(s.folder(l), written)
}

func (s *stores) dir(dir string, written bool) (store.Store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.open[dir]; ok {
		return st, nil
	}
	if written {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, fmt.Errorf("create folder: %w", err)
		}
	}
	st, err := dirstore.Open(dir)
	if err != nil {
		return nil, err
	}
	s.open[dir] = st
	return st, nil
}

// isBucket reports whether a location is in S3.
func (s *stores) isBucket(l config.Location) bool { return l.Bucket != "" && s.lake == "" }

// folder is the folder of the disk that a location is in.
func (s *stores) folder(l config.Location) string {
	if s.lake == "" {
		return l.Dir
	}
	// Bucket names were checked: they have no slash and no "..".
	return filepath.Join(s.lake, l.Bucket)
}

func (s *stores) bucket(name string) (store.Store, error) {
	if s.root == nil {
		found, err := s.find(s.ctx)
		if err != nil {
			return nil, err
		}
		root, err := s3store.New(s.ctx, s3store.Config{AWS: found, Bucket: name, Region: s.s3.Region, Endpoint: s.s3.Endpoint, PathStyle: s.s3.PathStyle, Timeout: s.s3.Timeout})
		if err != nil {
			return nil, err
		}
		s.root = root
	}
	return s.root.Bucket(name), nil
}

func (s *stores) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.open {
		if d, ok := st.(*dirstore.Store); ok {
			d.Close() //nolint:errcheck // read-only handle of a folder
		}
	}
}
