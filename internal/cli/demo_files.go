package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/atomicfile"
	"sluice/internal/gen"
	"sluice/mapping"
)

const (
	demoOrders = 1_000
	demoBucket = "demo-bucket"
	demoKey    = "raw_orders_data/orders.json"
)

const demoConfig = `# The configuration of the demo; docs/config.md has all keys. Everything else
# has its default: the folders beside the source, the mapping "orders".
source: s3://` + demoBucket + `/raw_orders_data/
`

// demoFiles are the files of a demo. The bucket is a folder among them.
type demoFiles struct{ dir, orders, mapping, config, event, object string }

func demoIn(dir string) demoFiles {
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	return demoFiles{dir, in("orders.json"), in("orders.yaml"), in("sluice.yaml"), in("event.json"), in(demoBucket + "/" + demoKey)}
}

// openDemo makes the folder; again says that a demo stands in it.
func openDemo(cmd *cobra.Command, dir string) (d demoFiles, again bool, err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "sluice-demo-"); err != nil {
			return d, false, fmt.Errorf("make folder: %w", err)
		}
		return demoIn(dir), false, nil
	}
	d = demoIn(dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return d, false, fmt.Errorf("make folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return d, false, fmt.Errorf("make folder: %w", err)
	}
	if len(entries) == 0 {
		return d, false, nil
	}
	// The notification is written last: where it is, the rest is.
	if _, err := os.Stat(d.event); err != nil {
		return d, false, usage(cmd, "--dir %s is not empty, and holds no earlier demo", dir)
	}
	return d, true, nil
}

// write makes the input of the demo in a folder that was empty.
func (d demoFiles) write() error {
	text, err := mapping.PresetSource(mapping.DefaultPreset)
	if err != nil {
		return err
	}
	orders := func(w io.Writer) error {
		_, err := gen.Write(w, gen.Options{Seed: 1, Orders: demoOrders, Form: gen.Pretty, Catalogue: true, Bad: 0.01})
		return err
	}
	if err := os.MkdirAll(filepath.Dir(d.object), 0o777); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	for _, file := range []struct {
		name string
		fill func(io.Writer) error
	}{
		{d.orders, orders},
		{d.mapping, func(w io.Writer) error { _, err := w.Write(text); return err }},
		{d.config, func(w io.Writer) error { _, err := io.WriteString(w, demoConfig); return err }},
		{d.object, orders},
		{d.event, d.notification},
	} {
		if err := writeWhole(file.name, file.fill); err != nil {
			return err
		}
	}
	return nil
}

// notification writes the event of the upload, as S3 forms it
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
func (d demoFiles) notification(w io.Writer) error {
	info, err := os.Stat(d.object)
	if err != nil {
		return err
	}
	key := strings.ReplaceAll(url.QueryEscape(demoKey), "%2F", "/")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	type object = map[string]any
	return e.Encode(object{"Records": []object{{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
		"eventTime": info.ModTime().UTC().Format("2006-01-02T15:04:05.000Z"), "eventName": "ObjectCreated:Put",
		"s3": object{
			"s3SchemaVersion": "1.0",
			"bucket":          object{"name": demoBucket, "arn": "arn:aws:s3:::" + demoBucket},
			"object":          object{"key": key, "size": info.Size(), "sequencer": "0055AED6DCD90281E5"},
		},
	}}})
}

// remove takes away what write has made, and what came of it.
func (d demoFiles) remove() {
	for _, name := range []string{d.orders, d.mapping, d.config, d.event} {
		os.Remove(name)
	}
	os.RemoveAll(filepath.Join(d.dir, demoBucket))
	os.Remove(d.dir)
}

func writeWhole(name string, fill func(io.Writer) error) error {
	file, err := atomicfile.Create(name)
	if err != nil {
		return err
	}
	defer file.Abort()
	if err := fill(file); err != nil {
		return err
	}
	return file.Commit()
}

// printHead prints the first lines of a text file.
func printHead(w io.Writer, name string, lines int) error {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	for ; s.Scan(); lines-- {
		if lines == 0 {
			fmt.Fprintln(w, "  …")
			break
		}
		fmt.Fprintf(w, "  %s\n", visible(s.Text()))
	}
	return s.Err()
}
