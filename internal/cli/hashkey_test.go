package cli

import (
	"bytes"
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/servertest"
)

const (
	keyedMapping = `table: t
columns:
  - {name: id, path: $.id, type: int64}
  - {name: person, path: $.email, type: string, transform: [trim, lower], null_values: [""], hash: hmac}
`
	hashKeyA = "canary-canary-canary-canary-canary-a"
	hashKeyB = "canary-canary-canary-canary-canary-b"
)

// A key from a secret is that key: run, invoke, convert and preview make of it what
// they make of the same key in the variable; another value is another mapping; and
// nobody is told either.
func TestHashKeyInSecret(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	dir := t.TempDir()
	mapping := write(t, dir, "m.yaml", keyedMapping)
	in := write(t, dir, "in.json", `[{"id":1,"email":" Ada@example.com"},{"id":2,"email":""}]`)
	arn := server.Secret(t, "sluice/hash-key", hashKeyA)
	file := write(t, dir, "sluice.yaml", "source: "+dir+"/lake/raw_orders_data\nhash_key_secret: "+arn+"\n")
	secret, variable := map[string]string{"SLUICE_HASH_KEY_SECRET": arn}, map[string]string{"SLUICE_HASH_KEY": hashKeyA}
	says := func(env map[string]string, code int, told string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		got := Main(t.Context(), args, func(name string) string { return env[name] }, nil, &out, &out)
		if got != code || !strings.Contains(out.String(), told) || strings.Contains(out.String(), "canary") {
			t.Fatalf("%v: exit code %d, want %d and %q\n%s", args, got, code, told, &out)
		}
		return out.String()
	}
	lake := func(name string) string {
		raw := filepath.Join(dir, name, "raw_orders_data")
		if err := os.MkdirAll(raw, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, raw, "a.json", `{"id":1,"email":"ada@example.com"}`)
		return filepath.Join(dir, name)
	}
	same := func(what string, a, b []byte) {
		t.Helper()
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s: %d and %d bytes, which differ", what, len(a), len(b))
		}
	}

	for name, env := range map[string]map[string]string{"s": secret, "v": variable} {
		says(env, 0, "", "convert", in, "-m", mapping, "-o", filepath.Join(dir, name+".parquet"))
	}
	same("convert", read(t, dir, "s.parquet"), read(t, dir, "v.parquet"))
	same("preview", []byte(says(secret, 0, "2 rows", "mapping", "preview", in, "-m", mapping)), []byte(says(variable, 0, "2 rows", "mapping", "preview", in, "-m", mapping)))

	here, there := lake("lake"), lake("there")
	says(nil, 0, "1 committed", "run", "-c", file, "-m", mapping)
	says(variable, 0, "1 committed", "run", "--lake", there, "-m", mapping)
	pagesOf := func(lake string) []byte { return []byte(pages(read(t, lake, "orders_data_parquet/*.parquet"))) }
	same("run", pagesOf(here), pagesOf(there))
	if out := says(secret, 0, "0 committed, 1 duplicate", "run", "--lake", there, "-m", mapping); strings.Contains(out, "another mapping") {
		t.Errorf("the same key from the secret is another mapping:\n%s", out)
	}
	event := write(t, dir, "event.json", `{"key":"b.json"}`)
	write(t, filepath.Join(here, "raw_orders_data"), "b.json", `{"id":1,"email":"ada@example.com"}`)
	says(nil, 0, "1 committed", "invoke", "-c", file, "-m", mapping, event)
	says(nil, 0, "secret "+arn+" can be read", "doctor", "-c", file, "-m", mapping, "--report", "json")

	server.Secret(t, "sluice/hash-key", hashKeyB)
	says(nil, 0, "2 objects made with another mapping; --changed-mapping", "run", "-c", file, "-m", mapping)
	says(nil, 0, "2 committed", "run", "-c", file, "-m", mapping, "--changed-mapping")
	if bytes.Equal(pagesOf(here), pagesOf(there)) {
		t.Error("another key gives the same file")
	}

	// What is wrong with a secret is said by all of them.
	both := maps.Clone(secret)
	maps.Copy(both, variable)
	for _, c := range []struct {
		name string
		env  map[string]string
		code int
		told string
	}{
		{"two keys", both, exitUsage, "SLUICE_HASH_KEY_SECRET: hash_key_secret: the variable SLUICE_HASH_KEY has a key too; keep one of the two"},
		{"no ARN", map[string]string{"SLUICE_HASH_KEY_SECRET": "sluice/hash-key"}, exitUsage, "SLUICE_HASH_KEY_SECRET: hash_key_secret is not the ARN of a secret; write it as arn:aws:"},
		{"no such secret", map[string]string{"SLUICE_HASH_KEY_SECRET": arn + "x"}, exitFailed, "find the key of hash: hmac: read secret " + arn + "x: ResourceNotFoundException"},
		{"too short", map[string]string{"SLUICE_HASH_KEY_SECRET": server.Secret(t, "short", "canary")}, exitUsage, "has 6 bytes; use one of at least 32"},
		{"keys and values", map[string]string{"SLUICE_HASH_KEY_SECRET": server.Secret(t, "json", `{"key":"`+hashKeyA+`"}`)}, exitFailed, "it holds a JSON object of keys and values; store the key alone, as plain text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, args := range [][]string{
				{"run", "--lake", here}, {"invoke", "--lake", here, event}, {"convert", in, "-o", filepath.Join(dir, "x.parquet")}, {"mapping", "preview", in}, {"doctor", "--lake", here},
			} {
				says(c.env, c.code, c.told, append(args, "-m", mapping)...)
			}
			says(c.env, 0, "ok", "mapping", "check", mapping) // needs no key
		})
	}
}

func read(t *testing.T, dir, pattern string) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	data, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The doctor names the permission that lacks, and a mapping without hash: hmac asks
// for no secret.
func TestHashKeyRefused(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"__type":"AccessDeniedException","Message":"not authorized"}`))
	}))
	defer server.Close()
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "raw_orders_data"), 0o700); err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) string {
		return map[string]string{"SLUICE_HASH_KEY_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf"}[name]
	}
	for _, c := range []struct {
		mapping string
		code    int
		told    []string
		asked   int
	}{
		{write(t, dir, "m.yaml", keyedMapping), exitFailed, []string{"failed      hash key", "AccessDeniedException: not authorized", "hint: the role needs secretsmanager:GetSecretValue of this secret"}, 1},
		{"orders", exitOK, []string{"0 failed"}, 1},
	} {
		var out bytes.Buffer
		code := Main(context.Background(), []string{"doctor", "--lake", dir, "-m", c.mapping}, getenv, nil, &out, &out)
		text := strings.Join(strings.Fields(out.String()), " ")
		for _, told := range c.told {
			if !strings.Contains(text, strings.Join(strings.Fields(told), " ")) {
				t.Errorf("%s: no %q in\n%s", c.mapping, told, &out)
			}
		}
		if code != c.code || asked != c.asked {
			t.Errorf("%s: exit code %d, and %d requests\n%s", c.mapping, code, asked, &out)
		}
	}
}
