package setup_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sluice/internal/catalog"
	"sluice/internal/catalog/dircatalog"
	"sluice/internal/config"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/dirstore"
)

// Where the catalog of a folder says that the files of a table are: from the
// folder it is in, they are found there.
func TestLocation(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  func(dir string) config.Config
		buckets bool   // each is a folder of dir
		catalog string // the folder that catalog/ is in
		want    string
	}{
		{name: "a lake", config: setup.Lake, want: "orders_data_parquet/"},
		{name: "folders", config: func(dir string) config.Config {
			return parse(t, "source: "+dir+"/raw\n")
		}, catalog: "ledger", want: "../orders_data_parquet/"},
		{name: "folders far from one another", config: func(dir string) config.Config {
			return parse(t, "source: "+dir+"/raw\nsink: "+dir+"/x/out\nledger: "+dir+"/y/z\n")
		}, catalog: "y/z", want: "../../x/out/"},
		{name: "a bucket in a lake", buckets: true, config: func(string) config.Config {
			return parse(t, "source: s3://orders/raw/\n")
		}, catalog: "orders", want: "orders_data_parquet/"},
		{name: "two buckets in a lake", buckets: true, config: func(string) config.Config {
			return parse(t, "source: s3://orders/raw/\nsink: s3://tables/a/\n")
		}, catalog: "orders", want: "../tables/a/"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			config, lake := c.config(dir), ""
			if c.buckets {
				lake = dir
			} else if err := os.MkdirAll(config.Source.Dir, 0o777); err != nil {
				t.Fatal(err)
			}
			s, err := setup.New(t.Context(), config, lake, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := store.Put(t.Context(), s.Pipeline.Sink, s.Pipeline.SinkPrefix+"x.parquet", nil, store.CreateOptions{}, store.Unconditional()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Catalog.Refresh(t.Context(), s.TablesFound(true)); err != nil {
				t.Fatal(err)
			}
			root, err := dirstore.Open(filepath.Join(dir, c.catalog))
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			tables, err := dircatalog.New(root, "catalog/").Tables(t.Context())
			if err != nil || len(tables) != 1 || tables[0].Location != c.want {
				t.Fatalf("%+v, %v; want the location %s", tables, err, c.want)
			}
			if _, err := os.Stat(filepath.Join(dir, c.catalog, tables[0].Location, "x.parquet")); err != nil {
				t.Error(err)
			}
		})
	}
}

// The kind none is none in a folder too.
func TestNoCatalog(t *testing.T) {
	dir := t.TempDir()
	for _, lake := range []string{"", dir} {
		c := setup.Lake(dir)
		c.Catalog.Kind = "none"
		s, err := setup.New(t.Context(), c, lake, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.Catalog != (catalog.None{}) {
			t.Errorf("the catalog is a %T", s.Catalog)
		}
		s.Close()
	}
}

// A server that accepts and never answers, and credentials that never come, end
// in an error in the configured time: of a bucket, and of the catalog.
func TestSilence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts; nobody else does
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	endpoint := "http://" + listener.Addr().String()
	never := aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		<-ctx.Done()
		return aws.Credentials{}, ctx.Err()
	})
	c := parse(t, "source: s3://b/raw/\ncatalog: {kind: glue, database: d}\ns3: {timeout: 1s, region: eu-west-1}\n")
	for name, credentials := range map[string]aws.CredentialsProvider{
		"no answer":      credentials.NewStaticCredentialsProvider("id", "secret", ""),
		"no credentials": never,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := setup.New(t.Context(), c, "", func(context.Context) (aws.Config, error) {
				return aws.Config{BaseEndpoint: &endpoint, Credentials: credentials}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.Pipeline.Sink.Head(t.Context(), "key"); !store.IsTransient(err) || !strings.HasPrefix(err.Error(), `head "s3://b/key": `) {
				t.Errorf("head: %v", err)
			}
			if _, err := s.Catalog.Refresh(t.Context(), s.TablesFound(true)); catalog.ReasonOf(err) != catalog.Timeout {
				t.Errorf("refresh catalog: %v", err)
			} else {
				t.Log(err)
			}
		})
	}
}

func parse(t *testing.T, file string) config.Config {
	t.Helper()
	c, err := config.Parse("sluice.yaml", []byte(file), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return c
}
