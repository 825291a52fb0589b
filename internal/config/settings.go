package config

import (
	"runtime"
	"slices"
	"strconv"
	"time"

	"sluice"
	"sluice/internal/suggest"
)

// The words of settings that have only a few; the first is the default.
var (
	OnDelete = []string{"keep", "remove"}
	Codecs   = sluice.Codecs()
	Catalogs = []string{"crawler", "glue", "none"}
	Crawls   = []string{"changed", "always"}
)

func (r *reader) config() Config {
	c := Config{
		Mapping:      r.text("mapping", ""),
		Suffixes:     r.lists["suffixes"],
		EventSources: r.lists["event_sources"],
		EventBus:     r.eventBus(),
		OnDelete:     r.word("on_delete", OnDelete),
		Codec:        r.word("codec", Codecs),
		Threads:      r.number("threads", 1),
		Workers:      r.number("workers", min(runtime.GOMAXPROCS(0), 8)),
		Catalog: Catalog{
			Kind:     r.word("catalog.kind", Catalogs),
			Crawler:  r.text("catalog.crawler", "etl-pipeline-orders"),
			Crawl:    r.word("catalog.crawl", Crawls),
			Database: r.text("catalog.database", ""),
		},
		Table: r.table(),
		S3:    r.s3(),
	}
	if c.Table.Format != "" {
		r.checkTable(&c)
	} else if c.Catalog.Kind == "glue" && c.Catalog.Database == "" {
		r.fail("catalog.kind", "catalog.database is missing: catalog.kind glue needs the name of the Glue database")
	}
	r.places(&c)
	return c
}

func (r *reader) s3() S3 {
	return S3{
		Region: r.text("s3.region", ""), Endpoint: r.text("s3.endpoint", ""), PathStyle: r.boolean("s3.path_style"),
		Timeout: r.duration("s3.timeout"),
	}
}

// places reads the four folders, which must not lie in one another.
func (r *reader) places(c *Config) {
	if r.settings["source"].text == "" {
		if r.file.Failed() == 0 {
			r.fail("source", "source is missing; name the folder of the raw objects, such as s3://bucket/raw_orders_data/ (or SLUICE_SOURCE)")
		}
		return
	}
	ok := true
	c.Source = r.place("source", Location{}, &ok)
	c.Sink = r.place("sink", c.Source.Beside("orders_data_parquet/"), &ok)
	c.Ledger = r.place("ledger", c.Source.Beside("ledger/"), &ok)
	c.Quarantine = r.place("quarantine", c.Source.Beside("quarantine/"), &ok)
	if !ok {
		return
	}
	places := []struct {
		name string
		at   Location
	}{{"source", c.Source}, {"sink", c.Sink}, {"ledger", c.Ledger}, {"quarantine", c.Quarantine}}
	for i, a := range places {
		for _, b := range places[i+1:] {
			inner, outer := b, a
			if !a.at.Holds(b.at) {
				inner, outer = a, b
			}
			if outer.at.Holds(inner.at) {
				// A default has no line, so the error names the line of the other.
				key := inner.name
				if r.settings[key].text == "" {
					key = outer.name
				}
				r.fail(key, "%s %s is inside %s %s; give each a folder of its own", inner.name, inner.at, outer.name, outer.at)
				return
			}
		}
	}
}

func (r *reader) place(key string, otherwise Location, ok *bool) Location {
	text := r.settings[key].text
	if text == "" {
		return otherwise
	}
	l, err := ParseLocation(text)
	if err != nil {
		r.fail(key, "%s: %v", key, err)
		*ok = false
	}
	return l
}

func (r *reader) text(key, otherwise string) string {
	if s := r.settings[key].text; s != "" {
		return s
	}
	return otherwise
}

// word reads one of words.
func (r *reader) word(key string, words []string) string {
	s := r.text(key, words[0])
	if !slices.Contains(words, s) {
		r.fail(key, "%s: %q; use %s%s", key, s, suggest.OneOf(words), suggest.DidYouMean(s, words))
	}
	return s
}

func (r *reader) number(key string, otherwise int) int {
	s := r.settings[key].text
	if s == "" {
		return otherwise
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 64 {
		r.fail(key, "%s: %q is not a number from 1 to 64", key, s)
	}
	return n
}

func (r *reader) duration(key string) time.Duration {
	s := r.settings[key].text
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > time.Hour {
		r.fail(key, "%s: %q is not a duration from 1s to 1h; write it as 90s or 2m", key, s)
	}
	return d
}

func (r *reader) boolean(key string) bool {
	s := r.settings[key].text
	if s == "" {
		return false
	}
	v, err := strconv.ParseBool(s)
	if err != nil {
		r.fail(key, "%s: %q is neither true nor false", key, s)
	}
	return v
}
