package erase_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"context"

	"sluice/internal/config"
	"sluice/internal/erase"
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
	for _, tables := range []bool{false, true} {
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
		w.write("mapping.yaml", []byte(oneTable))
		c := setup.Lake("")
		c.Mapping, c.Catalog.Kind = w.dir+"/mapping.yaml", "none"
		c.Source, c.Sink, c.Ledger, c.Quarantine = at("raw_orders_data/"), at("orders_data_parquet/"), at("ledger/"), at("quarantine/")
		c.S3 = config.S3{PathStyle: true}
		var err error
		if tables {
			if c.Table, err = config.FileTable(nil); err != nil {
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
			if tables == (len(table.Held.Snapshots) == 0) {
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
		again, err := erase.Run(t.Context(), w.s, erase.Options{Conditions: []upkeep.Condition{{Column: "email", Value: subject}}, Raw: erase.RawRewrite, Now: time.Now})
		if err != nil || again.Raw.Rewritten != 0 || again.Proved.Matches != 0 {
			t.Errorf("%+v, %v", again, err)
		}
	}
}
