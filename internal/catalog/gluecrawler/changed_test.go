package gluecrawler_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice/internal/catalog"
	"sluice/internal/catalog/gluecrawler"
	"sluice/internal/store"
	"sluice/schema"
)

// crawled brings a crawl that was started to its end, and has it seen.
func (s *setup) crawled() {
	s.t.Helper()
	s.ticks(3)
	s.followUp(nothing)
	s.is(`"clean"`)
}

// calls counts what is asked of the store.
type calls struct {
	store.Store
	opens, creates int
}

func (c *calls) Open(ctx context.Context, key string) (store.Object, error) {
	c.opens++
	return c.Store.Open(ctx, key)
}

func (c *calls) Create(ctx context.Context, key string, o store.CreateOptions) (store.Writer, error) {
	c.creates++
	return c.Store.Create(ctx, key, o)
}

// A batch of known columns starts nothing: a new process reads the marker once,
// and then asks nobody.
func TestKnownColumnsCostNothing(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	s.refresh(started)
	s.crawled()
	count := &calls{Store: s.store}
	s.store = count
	s.crawler = s.process(gluecrawler.WhenChanged)
	for range 5 {
		s.refresh(nothing)
	}
	if s.glue.crawls != 1 || count.opens != 1 || count.creates != 0 {
		t.Errorf("%d crawls, the marker was read %d times and written %d times", s.glue.crawls, count.opens, count.creates)
	}
}

// What is a new table or a change of columns, and what is none.
func TestWhatStartsACrawl(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*catalog.Table)
		want   catalog.Result
	}{
		{"nothing", func(*catalog.Table) {}, nothing},
		{"another table", func(t *catalog.Table) { t.Schema.Table = "refunds" }, started},
		{"another folder", func(t *catalog.Table) { t.Location = "s3://bucket/elsewhere/" }, started},
		{"a column more", func(t *catalog.Table) { t.Schema.Columns = append(t.Schema.Columns, schema.Column{Name: "c"}) }, started},
		{"a column less", func(t *catalog.Table) { t.Schema.Columns = t.Schema.Columns[:1] }, started},
		{"another name", func(t *catalog.Table) { t.Schema.Columns[0].Name = "x" }, started},
		{"another type", func(t *catalog.Table) { t.Schema.Columns[0].Type.Kind = schema.Int64 }, started},
		{"another scale", func(t *catalog.Table) {
			t.Schema.Columns[1].Type = schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 2}
		}, started},
		{"another order", func(t *catalog.Table) {
			t.Schema.Columns[0], t.Schema.Columns[1] = t.Schema.Columns[1], t.Schema.Columns[0]
		}, nothing},
		{"a comment", func(t *catalog.Table) { t.Schema.Columns[0].PII = "email" }, nothing},
		{"the mapping's hash", func(t *catalog.Table) { t.MappingHash = "other" }, nothing},
		{"no slash at the end", func(t *catalog.Table) { t.Location = "s3://bucket/out/t" }, nothing},
		{"no file of it yet", func(t *catalog.Table) { t.Written, t.Schema.Columns = false, nil }, nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t, gluecrawler.WhenChanged)
			original := func() catalog.Table {
				one := table("t", "a", "b")
				one.Schema.Columns[1].Type = schema.Type{Kind: schema.Decimal, Precision: 18, Scale: 4}
				one.Written = true
				return one
			}
			if got, err := s.crawler.Refresh(t.Context(), []catalog.Table{original()}); !cmp.Equal(started, got) || err != nil {
				t.Fatalf("Refresh = %+v, %v", got, err)
			}
			s.crawled()
			changed := original()
			c.change(&changed)
			for _, p := range []*gluecrawler.Crawler{s.crawler, s.process(gluecrawler.WhenChanged)} {
				if got, err := p.Refresh(t.Context(), []catalog.Table{changed}); !cmp.Equal(c.want, got) || err != nil {
					t.Errorf("Refresh = %+v, %v; want %+v", got, err, c.want)
				}
				if !c.want.Started {
					continue
				}
				s.ticks(3)
				if got, err := p.FollowUp(t.Context(), nil); !cmp.Equal(nothing, got) || err != nil {
					t.Errorf("FollowUp = %+v, %v", got, err)
				}
				c.want = nothing // once for all processes
			}
		})
	}
}

// The columns come while a crawl runs that may have missed them, as also one
// that was begun by hand or by a schedule of the crawler: the crawl they need
// is started when it is over.
func TestChangeWhileRunning(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	s.glue.state = "RUNNING"
	s.ticks(1)
	s.refresh(pending)
	s.is(`"dirty"`)
	s.refresh(pending) // again, as nothing is known to have begun
	s.ticks(2)
	s.refresh(started)
	s.refresh(nothing)
	s.crawled()
	if s.glue.crawls != 1 {
		t.Errorf("%d crawls, want 1", s.glue.crawls)
	}
}

// A start that failed is made up for by the next batch, or the next follow-up.
func TestStartIsOwed(t *testing.T) {
	for _, next := range []func(*setup, catalog.Result){(*setup).refresh, (*setup).followUp} {
		s := newSetup(t, gluecrawler.WhenChanged)
		s.glue.code = "ThrottlingException"
		s.glue.before = func(string) int { return 400 }
		if got, err := s.crawler.Refresh(t.Context(), batch); !cmp.Equal(pending, got) || err == nil {
			t.Fatalf("Refresh = %+v, %v", got, err)
		}
		s.glue.before = nil
		next(s, started)
		s.crawled()
	}
}

// Who committed died before its Refresh: the schedule finds the files.
func TestRefreshNeverCame(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	if got, err := s.crawler.FollowUp(t.Context(), []catalog.Table{table("order_lines", "order_id")}); !cmp.Equal(nothing, got) || err != nil {
		t.Fatalf("without files: FollowUp = %+v, %v", got, err)
	}
	if _, err := os.Stat(s.marker); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("without files there is a marker: %v", err)
	}
	if got, err := s.crawler.FollowUp(t.Context(), batch); !cmp.Equal(started, got) || err != nil {
		t.Fatalf("with files: FollowUp = %+v, %v", got, err)
	}
	s.crawled()
	s.refresh(nothing)
}

// A failed crawl is started again though no batch asks for it any more.
func TestFailedCrawlOfAChange(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	s.glue.fail = true
	s.refresh(started)
	s.ticks(3)
	s.refresh(nothing)
	s.followUp(started)
	s.glue.fail = false
	s.crawled()
}

// A marker of an older version knows no tables.
func TestMarkerWithoutTables(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	old := `{"crawler":"etl-pipeline-orders","state":"clean","write":"A"}`
	if _, err := store.Put(t.Context(), s.store, "catalog/_crawler-etl-pipeline-orders.json", []byte(old), store.CreateOptions{}, store.Unconditional()); err != nil {
		t.Fatal(err)
	}
	s.followUp(nothing)
	s.refresh(started)
	s.crawled()
	s.refresh(nothing)
}

// Other tables of the same crawler stay known.
func TestTablesAreKept(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	for _, want := range []catalog.Result{started, nothing} {
		for _, one := range batch {
			s.crawler = s.process(gluecrawler.WhenChanged)
			got, err := s.crawler.Refresh(t.Context(), []catalog.Table{one})
			if !cmp.Equal(want, got) || err != nil {
				t.Fatalf("Refresh = %+v, %v; want %+v", got, err, want)
			}
			s.crawled()
		}
	}
}

// Many processes at once with the same new columns: one of them asks, and one
// crawl is enough.
func TestManyAtOnce(t *testing.T) {
	s := newSetup(t, gluecrawler.WhenChanged)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := s.process(gluecrawler.WhenChanged).Refresh(t.Context(), batch); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.is(`"started"`)
	s.crawled()
	if s.glue.crawls != 1 {
		t.Errorf("%d crawls, want 1", s.glue.crawls)
	}
}
