package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func bucket(name, prefix string) Location { return Location{Bucket: name, Prefix: prefix} }

// What stands in the file or the environment, and what is filled in. Workers
// depend on the machine and are set in each case.
func TestParse(t *testing.T) {
	defaults := Config{
		Source: bucket("b", "raw/"), Sink: bucket("b", "orders_data_parquet/"), Ledger: bucket("b", "ledger/"), Quarantine: bucket("b", "quarantine/"),
		OnDelete: "keep", Codec: "zstd", Threads: 1, Workers: 2,
		Catalog: Catalog{Kind: "crawler", Crawler: "etl-pipeline-orders", Crawl: "changed"},
	}
	with := func(change func(*Config)) Config { c := defaults; change(&c); return c }
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       Config
	}{
		{"defaults beside the source", "source: s3://b/raw/\nworkers: 2\n", nil, defaults},
		{"prefix without a slash", "source: s3://b/raw\nworkers: 2\n", nil, defaults},
		{"a number with quotes", "source: s3://b/raw\nworkers: '2'\n", nil, defaults},
		{"environment alone", "", map[string]string{"SLUICE_SOURCE": "s3://b/raw/", "SLUICE_WORKERS": "2"}, defaults},
		{"environment over file", "source: s3://a/x/\nworkers: 9\non_delete: keep\n",
			map[string]string{"SLUICE_SOURCE": "s3://b/raw/", "SLUICE_WORKERS": "2", "SLUICE_ON_DELETE": "remove"},
			with(func(c *Config) { c.OnDelete = "remove" })},
		{"an empty variable overrides nothing", "source: s3://b/raw/\nworkers: 2\n", map[string]string{"SLUICE_SOURCE": ""}, defaults},
		{"folders of other buckets", "source: s3://b/raw/\nsink: s3://c\nledger: s3://d/l\nquarantine: s3://d/q/\nworkers: 2\n", nil,
			with(func(c *Config) {
				c.Sink, c.Ledger, c.Quarantine = bucket("c", ""), bucket("d", "l/"), bucket("d", "q/")
			})},
		{"same beginning of a name", "source: s3://b/raw/\nsink: s3://b/raw2/\nworkers: 2\n", nil,
			with(func(c *Config) { c.Sink = bucket("b", "raw2/") })},
		{"every key", `source: s3://b/raw/
sink: s3://b/out/
ledger: s3://b/l/
quarantine: s3://b/q/
mapping: m.yaml
hash_key_secret: arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/key-AbCdEf
event_bus: arn:aws:events:eu-west-1:123456789012:event-bus/default
suffixes: [.json, .json.gz]
event_sources: [minio:s3]
on_delete: remove
codec: snappy
threads: 3
workers: 64
catalog: {kind: none, crawler: c, crawl: always, database: d}
table: {format: iceberg, partition: [day(order_date), "bucket(16, order_id)", city], catalog: rest, uri: "https://example.com/iceberg", warehouse: w, namespace: a.b, signing: s3tables}
s3: {region: eu-west-1, endpoint: "http://localhost:9000", path_style: true, timeout: 90s}
`, nil, Config{
			Source: bucket("b", "raw/"), Sink: bucket("b", "out/"), Ledger: bucket("b", "l/"), Quarantine: bucket("b", "q/"),
			Mapping: "m.yaml", HashKey: HashKey{Secret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/key-AbCdEf"}, EventBus: "arn:aws:events:eu-west-1:123456789012:event-bus/default", Suffixes: []string{".json", ".json.gz"}, EventSources: []string{"minio:s3"}, OnDelete: "remove", Codec: "snappy", Threads: 3, Workers: 64,
			Catalog: Catalog{Kind: "none", Crawler: "c", Crawl: "always", Database: "d"},
			Table: Table{
				Format: "iceberg", Partition: []Partition{{"day", 0, "order_date"}, {"bucket", 16, "order_id"}, {"identity", 0, "city"}},
				Catalog: "rest", URI: "https://example.com/iceberg", Warehouse: "w", Namespace: "a.b", Signing: "s3tables",
			},
			S3: S3{Region: "eu-west-1", Endpoint: "http://localhost:9000", PathStyle: true, Timeout: 90 * time.Second},
		}},
		{"every variable", "", map[string]string{
			"SLUICE_SOURCE": "s3://b/raw/", "SLUICE_SINK": "s3://b/out/", "SLUICE_LEDGER": "s3://b/l/", "SLUICE_QUARANTINE": "s3://b/q/",
			"SLUICE_MAPPING": "m.yaml", "SLUICE_HASH_KEY_SECRET": "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:k-AbCdEf", "SLUICE_EVENT_BUS": "arn:aws-cn:events:cn-north-1:123456789012:event-bus/a/b", "SLUICE_SUFFIXES": ".json,.json.gz", "SLUICE_EVENT_SOURCES": "aws:s3,minio:s3", "SLUICE_ON_DELETE": "remove", "SLUICE_CODEC": "none",
			"SLUICE_THREADS": "3", "SLUICE_WORKERS": "1", "SLUICE_CATALOG": "glue", "SLUICE_CRAWLER": "c", "SLUICE_CRAWL": "always", "SLUICE_DATABASE": "d",
			"SLUICE_S3_REGION": "eu-west-1", "SLUICE_S3_ENDPOINT": "http://localhost:9000", "SLUICE_S3_PATH_STYLE": "true",
			"SLUICE_S3_TIMEOUT": "1h",
		}, Config{
			Source: bucket("b", "raw/"), Sink: bucket("b", "out/"), Ledger: bucket("b", "l/"), Quarantine: bucket("b", "q/"),
			Mapping: "m.yaml", HashKey: HashKey{Secret: "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:k-AbCdEf"}, EventBus: "arn:aws-cn:events:cn-north-1:123456789012:event-bus/a/b", Suffixes: []string{".json", ".json.gz"}, EventSources: []string{"aws:s3", "minio:s3"}, OnDelete: "remove", Codec: "none", Threads: 3, Workers: 1,
			Catalog: Catalog{Kind: "glue", Crawler: "c", Crawl: "always", Database: "d"},
			S3:      S3{Region: "eu-west-1", Endpoint: "http://localhost:9000", PathStyle: true, Timeout: time.Hour},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Parse("sluice.yaml", []byte(c.file), env(c.env))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The folders of a lake on the disk stand beside the source, and a relative
// path counts from where the command runs.
func TestFoldersOfTheDisk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("", nil, env(map[string]string{"SLUICE_SOURCE": "lake/raw"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []struct {
		name string
		got  Location
		want string
	}{
		{"source", c.Source, "lake/raw"}, {"sink", c.Sink, "lake/orders_data_parquet"},
		{"ledger", c.Ledger, "lake/ledger"}, {"quarantine", c.Quarantine, "lake/quarantine"},
	} {
		if diff := cmp.Diff(Location{Dir: filepath.Join(dir, filepath.FromSlash(l.want))}, l.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", l.name, diff)
		}
	}
}

// What contradicts itself fails at the start, with where it stands and what to
// do, and nothing of the parser's own words.
func TestContradictions(t *testing.T) {
	const source = "source: s3://b/raw/\n"
	for _, c := range []struct {
		name, file string
		env        map[string]string
		want       string
	}{
		{"nothing", "", nil, "configuration of the environment: source is missing"},
		{"no source", "sink: s3://b/out/\n", nil, "sluice.yaml:1: configuration: source is missing; name the folder"},
		{"unknown key", source + "sinks: s3://b/out/\n", nil, `sluice.yaml:2: configuration: unknown key "sinks"; use source, sink, ledger, quarantine, mapping, hash_key_secret, event_bus, suffixes, event_sources, on_delete, codec, threads, workers, catalog, table, s3; did you mean sink?`},
		{"unknown keys inside", source + "catalog: {kinds: glue, knd: x}\n", nil, "sluice.yaml:2: catalog: unknown key \"kinds\"; use kind, crawler, crawl, database; did you mean kind?\nsluice.yaml:2: catalog: unknown key \"knd\"; use kind, crawler, crawl, database; did you mean kind?"},
		{"key twice", source + source, nil, "sluice.yaml:2: configuration: key source is on line 1 already; keep one"},
		{"not YAML", "source: [", nil, "sluice.yaml:2: not YAML: "},
		{"a list for a text", "source: [s3://b/raw/]\n", nil, "sluice.yaml:1: source must be one value, found a list"},
		{"another scheme", "source: gs://b/raw/\n", nil, `source: "gs://b/raw/": use s3://bucket/prefix/`},
		{"no bucket", source + "sink: s3:///out/\n", nil, "sink: the bucket is missing"},
		{"sink under source", source + "sink: s3://b/raw/out/\n", nil, "sink s3://b/raw/out/ is inside source s3://b/raw/"},
		{"sink is source", source + "sink: s3://b/raw\n", nil, "is inside source s3://b/raw/"},
		{"source is a whole bucket", "source: s3://b\n", nil, "is inside source s3://b/"},
		{"source under sink", "source: s3://b/out/raw/\nsink: s3://b/out/\n", nil, "source s3://b/out/raw/ is inside sink s3://b/out/"},
		{"ledger under sink", source + "ledger: s3://b/orders_data_parquet/ledger/\n", nil, "ledger s3://b/orders_data_parquet/ledger/ is inside sink"},
		{"quarantine is ledger", source + "quarantine: s3://b/ledger/\n", nil, "quarantine s3://b/ledger/ is inside ledger"},
		{"sink under source in folders", "source: lake/raw\nsink: lake/raw/out\n", nil, "is inside source"},
		{"sink is source by another path", "source: lake/raw\nsink: lake/x/../raw/\n", nil, "is inside source"},
		{"environment makes it so", source, map[string]string{"SLUICE_SINK": "s3://b/raw/out/"}, "is inside source"},
		{"glue without database", source + "catalog: {kind: glue}\n", nil, "catalog.database is missing"},
		{"kind of catalog", source + "catalog: {kind: hive}\n", nil, `catalog.kind: "hive"; use crawler, glue or none`},
		{"a table and a crawler", source + "table: {format: iceberg}\ncatalog: {kind: crawler}\n", nil, "sluice.yaml:3: catalog.kind: crawler: Iceberg tables are in a catalog of their own (table.catalog); leave catalog.kind out"},
		{"a table in no database", source + "table: {format: iceberg, catalog: glue}\n", nil, "catalog.database is missing: table.catalog glue needs"},
		{"a server without an address", source + "table: {format: iceberg, catalog: rest}\n", nil, "table.uri is missing"},
		{"no namespace", source + "table: {format: iceberg, catalog: rest, uri: \"https://example.com\"}\n", nil, "table.namespace is missing"},
		{"a table without a format", source + "table: {partition: [city]}\n", nil, "table.partition is set, but table.format is not"},
		{"an unknown transform", source + "table: {format: iceberg, partition: [days(order_date)]}\n", nil, `table.partition: "days(order_date)": no transform "days"`},
		{"buckets without a number", source + "table: {format: iceberg, partition: [bucket(order_id)]}\n", nil, `table.partition: "bucket(order_id)": write a column`},
		{"policy of crawls", source + "catalog: {crawl: never}\n", nil, `catalog.crawl: "never"; use changed or always`},
		{"policy", source + "on_delete: drop\n", nil, `on_delete: "drop"; use keep or remove`},
		{"codec", source + "codec: lzo\n", nil, `codec: "lzo"; use zstd, snappy or none`},
		{"no threads", source + "threads: 0\n", nil, `threads: "0" is not a number from 1 to 64`},
		{"too many workers", source, map[string]string{"SLUICE_WORKERS": "65"}, `SLUICE_WORKERS: workers: "65" is not a number`},
		{"a text for a section", source + "catalog: none\n", nil, "sluice.yaml:2: catalog must have keys (kind, crawler, crawl, database), found text; write catalog: {kind: none}"},
		{"a list for a section", source + "s3: [a]\n", nil, "sluice.yaml:2: s3 must have keys (region, endpoint, path_style, timeout), found a list"},
		{"a text for a list", source + "suffixes: .json\n", nil, "sluice.yaml:2: suffixes must be a list, found text; write suffixes: [.json]"},
		{"a text of lines for a list", source + "suffixes: |\n a\n b\n", nil, "found text; write suffixes: [.json]"},
		{"a section for a list", source + "suffixes: {a: b}\n", nil, "sluice.yaml:2: suffixes must be a list, found keys"},
		{"a text for another list", source + "event_sources: minio\n", nil, "sluice.yaml:2: event_sources must be a list, found text; write event_sources: [minio]"},
		{"a number in a list", source + "suffixes: [1]\n", nil, "sluice.yaml:2: suffixes must be text, found a number"},
		{"a key of the mapping file", source + "mappings: m.yaml\n", nil, "did you mean mapping?"},
		{"a mistyped key that is required", "sorce: s3://b/raw/\n", nil, "did you mean source?"},
		{"a list for a file", "- source\n", nil, "sluice.yaml:1: configuration must have keys (source, "},
		{"two documents", source + "---\n" + source, nil, "a second document begins; keep one configuration in a file"},
		{"an alias", "source: &a s3://b/raw/\nsink: *a\n", nil, "sluice.yaml:1: anchors and aliases"},
		{"a word that is near", source + "codec: snapy\n", nil, `sluice.yaml:2: codec: "snapy"; use zstd, snappy or none; did you mean snappy?`},
		{"a word of a variable", source, map[string]string{"SLUICE_CATALOG": "gleu"}, `SLUICE_CATALOG: catalog.kind: "gleu"; use crawler, glue or none; did you mean glue?`},
		{"a place of a variable", source, map[string]string{"SLUICE_SINK": "gs://b/"}, `SLUICE_SINK: sink: "gs://b/": use s3://`},
		{"a default in the way", "source: s3://b/ledger/x/\n", nil, "sluice.yaml:1: source s3://b/ledger/x/ is inside ledger s3://b/ledger/"},
		{"timeout", source + "s3: {timeout: 30}\n", nil, `sluice.yaml:2: s3.timeout: "30" is not a duration from 1s to 1h; write it as 90s or 2m`},
		{"timeout of nothing", source, map[string]string{"SLUICE_S3_TIMEOUT": "0s"}, `SLUICE_S3_TIMEOUT: s3.timeout: "0s" is not a duration from 1s to 1h`},
		{"the key twice", source + "hash_key_secret: arn:aws:secretsmanager:eu-west-1:1:secret:k\n", map[string]string{"SLUICE_HASH_KEY": "canary"}, "sluice.yaml:2: hash_key_secret: the variable SLUICE_HASH_KEY has a key too; keep one of the two"},
		{"the key in the file", source + "hash_key: canary\n", nil, `unknown key "hash_key"; use source`},
		{"the key for a secret", source + "hash_key_secret: canary\n", nil, `sluice.yaml:2: hash_key_secret is not the ARN of a secret; write it as arn:aws:secretsmanager:`},
		{"another service", source, map[string]string{"SLUICE_HASH_KEY_SECRET": "arn:aws:ssm:eu-west-1:1:secret:k"}, `SLUICE_HASH_KEY_SECRET: hash_key_secret is not the ARN`},
		{"a name for a bus", source + "event_bus: default\n", nil, "sluice.yaml:2: event_bus is not the ARN of an event bus; write it as arn:aws:events:"},
		{"a rule for a bus", source, map[string]string{"SLUICE_EVENT_BUS": "arn:aws:events:eu-west-1:1:rule/a"}, "SLUICE_EVENT_BUS: event_bus is not the ARN"},
		{"a host for a region", source + "hash_key_secret: 'arn:aws:secretsmanager:example.com/:1:secret:k'\n", nil, "is not the ARN of a secret"},
		{"path style", source + "s3: {path_style: maybe}\n", nil, `s3.path_style: "maybe" is neither true nor false`},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := "sluice.yaml"
			if c.file == "" {
				name = ""
			}
			_, err := Parse(name, []byte(c.file), env(c.env))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q in it", err, c.want)
			}
			for _, text := range []string{"unmarshal", "struct", "yaml:\"", "!!", "canary"} {
				if strings.Contains(err.Error(), text) {
					t.Errorf("%q of the parser is in the error: %v", text, err)
				}
			}
		})
	}
}

func TestLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "sluice.yaml")
	if err := os.WriteFile(name, []byte("source: s3://b/raw/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(name, env(nil)); err != nil || c.Source != bucket("b", "raw/") {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := Load(name+"x", env(nil)); err == nil || !strings.Contains(err.Error(), "read configuration") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// All that is wrong is told at once.
func TestAllIsTold(t *testing.T) {
	_, err := Parse("sluice.yaml", []byte("source: s3://b/raw/\ncodec: lzo\nthreads: many\non_delete: drop\n"), env(map[string]string{"SLUICE_WORKERS": "0"}))
	want := `sluice.yaml:2: codec: "lzo"; use zstd, snappy or none
sluice.yaml:3: threads: "many" is not a number from 1 to 64
sluice.yaml:4: on_delete: "drop"; use keep or remove
SLUICE_WORKERS: workers: "0" is not a number from 1 to 64`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want\n%s", err, want)
	}
}

// A variable that is nearly one of ours would be passed over in silence.
func TestMistypedVariable(t *testing.T) {
	for name, want := range map[string]string{
		"SLUICE_SORCE": "SLUICE_SORCE is not a variable of sluice; did you mean SLUICE_SOURCE?",
		"SLUICE_SINKS": "did you mean SLUICE_SINK?", "SLUCE_LEDGER": "did you mean SLUICE_LEDGER?",
		"SLUICE_LOG_KEYS": "", "SLUICE_CONFIG": "", "SLUICE_OF_ANOTHER_KIND": "", "SLUGS": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "x")
			_, err := Parse("sluice.yaml", []byte("source: s3://b/raw/\n"), os.Getenv)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("error %v, want %q in it", err, want)
			}
		})
	}
}

// The document of the file names every key, variable and word.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variables {
		if !strings.Contains(string(doc), "| `"+v.key+"` | `"+v.name+"` |") {
			t.Errorf("docs/config.md has no row of %s and %s", v.key, v.name)
		}
	}
	for key, words := range map[string][]string{"on_delete": OnDelete, "codec": Codecs, "catalog.kind": Catalogs, "catalog.crawl": Crawls} {
		_, row, _ := strings.Cut(string(doc), "| `"+key+"` |")
		row, _, _ = strings.Cut(row, "\n")
		for i, word := range words {
			if !strings.Contains(row, "`"+word+"`") || i == 0 && !strings.Contains(row, "| `"+word+"` |") {
				t.Errorf("docs/config.md, row of %s: it does not name %s, or not as the default", key, word)
			}
		}
	}
}
