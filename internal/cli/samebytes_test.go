package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/awsconfig"
	"sluice/internal/awslambda"
	"sluice/internal/config"
	"sluice/internal/gen"
	"sluice/internal/ledger"
	"sluice/internal/servertest"
	"sluice/internal/setup"
)

// The Lambda function, sluice run on a bucket and on a folder, and sluice
// convert are shells round one conversion: the same objects give the same bytes.
func TestSameBytesOnEveryWay(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	objects := map[string]string{
		"empty.json":   "[]",
		"a b+c.ndjson": strings.Repeat(order(`,"note":"x"`, `"price":1.50`)+"\n", 3),
		"misfit.json":  "[" + order("", `"price":"none"`) + "," + order("", `"price":2`) + "]",
	}
	for seed := range 3 {
		var b strings.Builder
		if _, err := gen.Write(&b, gen.Options{Seed: uint64(seed + 1), Orders: 300}); err != nil {
			t.Fatal(err)
		}
		objects[fmt.Sprintf("%d.json", seed)] = b.String()
	}
	ways := map[string]func(*testing.T) map[string][]byte{
		"function": func(t *testing.T) map[string][]byte { return throughBucket(t, server, objects, invokeEach) },
		"run":      func(t *testing.T) map[string][]byte { return throughBucket(t, server, objects, runOnce) },
		"convert":  func(t *testing.T) map[string][]byte { return convertEach(t, objects) },
	}
	want := throughFolder(t, objects)
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			for key, got := range way(t) {
				if len(want[key]) == 0 || pages(got) != pages(want[key]) {
					t.Errorf("%s: %d bytes, and %d from a folder, differ", key, len(got), len(want[key]))
				}
			}
		})
	}
}

// pages is a file without its footer, which names the source state.
func pages(file []byte) string {
	end := len(file) - 8
	return string(file[:end-int(binary.LittleEndian.Uint32(file[end:]))])
}

// throughBucket puts the objects into a bucket, has them processed, and gives
// the output of each.
func throughBucket(t *testing.T, server *servertest.Server, objects map[string]string, process func(t *testing.T, getenv func(string) string, bucket string, objects map[string]string)) map[string][]byte {
	client, bucket := server.Client(), server.Bucket(t, true)
	for name, text := range objects {
		key := "raw_orders_data/" + name
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	process(t, func(name string) string {
		return map[string]string{"SLUICE_SOURCE": "s3://" + bucket + "/raw_orders_data/", "SLUICE_CATALOG": "none", "SLUICE_THREADS": "2"}[name]
	}, bucket, objects)
	prefix := "orders_data_parquet/"
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, o := range list.Contents {
		if strings.HasPrefix(*o.Key, prefix+ledger.MarkPrefix) {
			continue
		}
		got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: o.Key})
		if err != nil {
			t.Fatal(err)
		}
		if files[*o.Key], err = io.ReadAll(got.Body); err != nil {
			t.Fatal(err)
		}
	}
	return bySource(t, files, bucket, objects)
}

// bySource finds the output of each object by the hash in its name.
func bySource(t *testing.T, files map[string][]byte, bucket string, objects map[string]string) map[string][]byte {
	t.Helper()
	outputs := map[string][]byte{}
	for name := range objects {
		for key, data := range files {
			if strings.HasSuffix(key, "_"+ledger.IDOf(bucket, "raw_orders_data/"+name).Short().String()+".parquet") {
				outputs[name] = data
			}
		}
	}
	if len(outputs) != len(objects) || len(files) != len(objects) {
		t.Fatalf("%d outputs of %d files, want %d", len(outputs), len(files), len(objects))
	}
	return outputs
}

func invokeEach(t *testing.T, getenv func(string) string, bucket string, objects map[string]string) {
	c, err := config.Load("", getenv)
	if err != nil {
		t.Fatal(err)
	}
	s, err := setup.New(t.Context(), c, "", awsconfig.Load)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := awslambda.New(s, slog.New(slog.DiscardHandler), nil)
	for name := range objects {
		event, err := json.Marshal(map[string]string{"bucket": bucket, "key": "raw_orders_data/" + name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Handle(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
}

func runOnce(t *testing.T, getenv func(string) string, _ string, _ map[string]string) {
	var out bytes.Buffer
	if code := Main(t.Context(), []string{"run", "--workers", "3"}, getenv, nil, &out, &out); code != exitQuarantined {
		t.Fatalf("exit code %d: %s", code, &out)
	}
}

func throughFolder(t *testing.T, objects map[string]string) map[string][]byte {
	lake := t.TempDir()
	raw := filepath.Join(lake, "raw_orders_data")
	if err := os.Mkdir(raw, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range objects {
		write(t, raw, name, text)
	}
	if code, _, errw := run(t, context.Background(), nil, "run", "--lake", lake); code != exitQuarantined {
		t.Fatalf("exit code %d: %s", code, errw)
	}
	names, err := filepath.Glob(filepath.Join(lake, "orders_data_parquet", "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return bySource(t, files, "", objects)
}

func convertEach(t *testing.T, objects map[string]string) map[string][]byte {
	dir := t.TempDir()
	outputs := map[string][]byte{}
	for name, text := range objects {
		out := filepath.Join(dir, name+".parquet")
		if code, _, errw := run(t, context.Background(), nil, "convert", write(t, dir, name, text), "-o", out); code != 0 && code != exitQuarantined {
			t.Fatalf("exit code %d: %s", code, errw)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		outputs[name] = data
	}
	return outputs
}
