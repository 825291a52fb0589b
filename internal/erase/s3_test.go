package erase_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"context"

	"sluice/internal/config"
	"sluice/internal/erase"
	"sluice/internal/pipeline"
	"sluice/internal/servertest"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/internal/upkeep"
)

// In a bucket it is the same; the report says that older versions are kept.
func TestBucket(t *testing.T) {
	server := servertest.Versitygw(t)
	server.Setenv(t)
	for n, tables := range []bool{false, true, true} {
		bucket := server.Bucket(t, true)
		st := server.Store(t, bucket, s3store.Config{})
		put := func(key string, data []byte) {
			t.Helper()
			if _, err := store.Put(t.Context(), st, key, data, store.CreateOptions{Meta: map[string]string{"by": "shop"}}, store.Unconditional()); err != nil {
				t.Fatal(err)
			}
		}
		put("raw_orders_data/a.ndjson", []byte(order(1, subject)+"\n"+order(2, other)+"\n"))
		put("raw_orders_data/b.json.gz", zipped("["+order(3, subject)+","+order(4, other)+"]"))
		at := func(prefix string) config.Location { return config.Location{Bucket: bucket, Prefix: prefix} }
		w := &world{t: t, dir: t.TempDir()}
		w.write("mapping.yaml", []byte([]string{oneTable, oneTable, twoTables}[n]))
		c := setup.Lake("")
		c.Mapping, c.Catalog.Kind = w.dir+"/mapping.yaml", "none"
		c.Source, c.Sink, c.Ledger, c.Quarantine = at("raw_orders_data/"), at("orders_data_parquet/"), at("ledger/"), at("quarantine/")
		c.S3 = config.S3{PathStyle: true}
		var err error
		if tables {
			if c.Table, err = config.FileTable([]string{"email"}); err != nil {
				t.Fatal(err)
			}
		}
		if w.s, err = setup.New(t.Context(), c, "", func(ctx context.Context) (aws.Config, error) { return awsconfig.LoadDefaultConfig(ctx) }); err == nil {
			err = w.s.Own(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer w.s.Close()
		w.run()
		r, err := w.erase(erase.Options{Raw: erase.RawRewrite})
		if err != nil || !r.OK() || r.Raw.Records != 2 || r.Proved.Files == 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		if len(r.Versions) != 4 || !r.Versions[0].On || r.Versions[0].Days != 0 {
			t.Errorf("%+v", r.Versions)
		}
		info, err := st.Head(t.Context(), "raw_orders_data/a.ndjson")
		if err != nil || info.Meta["by"] != "shop" {
			t.Errorf("%+v, %v", info, err)
		}
		for _, table := range r.Tables {
			if tables == (len(table.Held.Snapshots) == 0) { // of the lines, which have no such column, too
				t.Errorf("%+v", table.Held)
			}
		}
		if err := st.List(t.Context(), "", func(i store.Info) error {
			data, _, err := store.Get(t.Context(), st, i.Key, 1<<30)
			if err == nil && says(t, i.Key, data) && !named(r, i.Key) {
				t.Errorf("%s has the subject", i.Key)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.settled()
		removesVersions(t, w, st)
		again, err := erase.Run(t.Context(), w.s, erase.Options{Conditions: []upkeep.Condition{{Column: "email", Value: subject}}, Raw: erase.RawRewrite, Now: time.Now})
		if err != nil || again.Raw.Rewritten != 0 || again.Proved.Matches != 0 {
			t.Errorf("%+v, %v", again, err)
		}
	}
}

// removesVersions removes what a bucket keeps of the subject, and looks at all that is left.
func removesVersions(t *testing.T, w *world, st *s3store.Store) {
	t.Helper()
	for _, text := range []string{order(7, other), order(8, other)} {
		if _, err := store.Put(t.Context(), st, "raw_orders_data/other.json", []byte(text), store.CreateOptions{}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
	}
	w.run()
	w.expire()
	hits := func() (hits []string, all int) {
		err := st.Versions(t.Context(), "", func(v s3store.Version) error {
			all++
			var data []byte
			if !v.Deleted {
				o, err := st.OpenVersion(t.Context(), v.Key, v.VersionID)
				if err != nil {
					return err
				}
				defer o.Close()
				if data, err = io.ReadAll(o); err != nil {
					return err
				}
			}
			if says(t, v.Key, data) {
				hits = append(hits, v.Key)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return hits, all
	}
	before, all := hits()
	if len(before) == 0 {
		t.Error("no older version has the subject")
	}
	// One that was killed had removed a version, and not yet the mark of its deletion.
	isData := func(key string) bool { return strings.HasPrefix(key, "orders_data_parquet/orders/data/") }
	if i := slices.IndexFunc(before, isData); i >= 0 {
		err := st.Versions(t.Context(), before[i], func(v s3store.Version) error {
			if v.Deleted {
				return nil
			}
			all--
			return st.DeleteVersion(t.Context(), v.Key, v.VersionID)
		})
		if err != nil {
			t.Fatal(err)
		}
		before = slices.Delete(before, i, i+1)
	} else if _, is := w.s.Target.(*pipeline.Tables); is {
		t.Error("no version of a data file has the subject")
	}
	var removed int64
	for _, dry := range []bool{true, false} {
		r, err := w.erase(erase.Options{Raw: erase.RawRewrite, Versions: erase.VersionsRemove, DryRun: dry})
		if err != nil || !r.OK() {
			t.Fatalf("%+v, %v", r, err)
		}
		was := removed
		removed = 0
		for _, v := range r.Versions {
			removed += v.Removed
		}
		if !dry && removed != was {
			t.Errorf("%d versions were removed, and %d should have been", removed, was)
		}
		if now, n := hits(); dry && (len(now) != len(before) || n != all) {
			t.Errorf("a dry run leaves %q of %q", now, before)
		} else if !dry && len(now) > 0 {
			t.Errorf("these have the subject: %q", now)
		}
	}
	// Of a table without the column, what was deleted goes too: it had rows of these records.
	if err := st.Versions(t.Context(), "orders_data_parquet/lines/data/", func(v s3store.Version) error {
		if !v.Current {
			t.Errorf("an older version of %s is left", v.Key)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	others := 0
	if err := st.Versions(t.Context(), "raw_orders_data/other.json", func(s3store.Version) error { others++; return nil }); err != nil || others != 2 {
		t.Errorf("%d versions of an object of others are left: %v", others, err)
	}
	w.settled()
	// What cannot be read may have anything: it stays, and is named.
	for _, text := range []string{"no JSON\n", "{}\n"} {
		if _, err := store.Put(t.Context(), st, "quarantine/x.records.ndjson", []byte(text), store.CreateOptions{}, store.Unconditional()); err != nil {
			t.Fatal(err)
		}
	}
	r, err := w.erase(erase.Options{Raw: erase.RawKeep, Versions: erase.VersionsRemove})
	if err != nil || r.OK() || len(r.Versions[2].Left) != 1 || r.Versions[2].Left[0].Key != "quarantine/x.records.ndjson" || r.Versions[2].Left[0].Version == "" {
		t.Errorf("%+v, %v", r, err)
	}
}
