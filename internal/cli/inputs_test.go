package cli

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sluice/internal/servertest"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"raw/*.json", "raw/a.json", true},
		{"raw/*.json", "raw/2024/a.json", false},
		{"raw/**/*.json", "raw/a.json", true},
		{"raw/**/*.json", "raw/2024/01/a.json", true},
		{"raw/**/*.json", "other/a.json", false},
		{"**/a.json", "a.json", true},
		{"**/**/a.json", "x/y/z/a.json", true},
		{"raw/**", "raw/2024/a.json", true},
		{"raw/**", "raw", true},
		{"raw/a**.json", "raw/a/b.json", false},
		{"raw/[ab]?.json", "raw/b1.json", true},
		{"raw/[", "raw/[", false},
	} {
		if got := matches(strings.Split(c.pattern, "/"), strings.Split(c.name, "/")); got != c.want {
			t.Errorf("%s of %s: %v, want %v", c.pattern, c.name, got, c.want)
		}
	}
}

// Objects of a bucket are inputs: those whose keys begin with a text, or match.
func TestInputsOfBucket(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	client, bucket := server.Client(), server.Bucket(t, false)
	for _, key := range []string{"raw/", "raw/2024/a.json", "raw/b.json", "raw/b.csv", "raw2/c.json"} {
		body := key
		if strings.HasSuffix(key, "/") {
			body = ""
		}
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
	}
	a := &app{getenv: func(string) string { return "" }}
	for _, c := range []struct {
		args, want string
	}{
		{"raw/", "raw/2024/a.json raw/b.csv raw/b.json"},
		{"raw", "raw/2024/a.json raw/b.csv raw/b.json raw2/c.json"},
		{"raw/**/*.json", "raw/2024/a.json raw/b.json"},
		{"raw/b.json raw/b.json raw/b", "raw/b.csv raw/b.json"},
		{"other/", ""},
	} {
		var args []string
		for _, arg := range strings.Fields(c.args) {
			args = append(args, "s3://"+bucket+"/"+arg)
		}
		found, err := a.inputs(t.Context(), args)
		if (err != nil) != (c.want == "") {
			t.Errorf("%s: %v", c.args, err)
		}
		var keys []string
		for _, in := range found {
			keys = append(keys, strings.TrimPrefix(in.Name, "s3://"+bucket+"/"))
			r, err := in.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if r.Close(); err != nil || string(text) != keys[len(keys)-1] || in.Size != int64(len(text)) || in.Once {
				t.Errorf("%+v: %q, %v", in, text, err)
			}
		}
		if !slices.Equal(keys, strings.Fields(c.want)) {
			t.Errorf("%s: %q, want %s", c.args, keys, c.want)
		}
	}
	if _, err := a.inputs(t.Context(), []string{"s3:///x"}); err == nil {
		t.Error("no bucket is named, and there is no error")
	}
}
