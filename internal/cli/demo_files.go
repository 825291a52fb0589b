package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/atomicfile"
)

const (
	demoBucket = "demo-bucket"
	demoKey    = "raw_orders_data/orders.json"
)

// demoOrders are few enough to be added up in your head. The price demoBroken is
// not a number; the second upload has demoFixed in its place.
const (
	demoOrders = `[{"order_id":1,"order_date":"2024-01-10","total_amount":200.50,
  "customer":{"customer_id":101,"name":"Ada","email":"ada@example.com"},
  "products":[
    {"product_id":1,"name":"Mug","price":25.00,"quantity":2},
    {"product_id":2,"name":"Lamp","price":150.50,"quantity":1}]},
 {"order_id":2,"order_date":"2024-01-10","total_amount":12.00,
  "customer":{"customer_id":102,"name":"Ben","email":"ben@example.com"},
  "products":[
    {"product_id":3,"name":"Tea","price":4.00,"quantity":3}]},
 {"order_id":3,"order_date":"2024-01-11","total_amount":89.90,
  "customer":{"customer_id":103,"name":"Cleo","email":"cleo@example.com"},
  "products":[
    {"product_id":4,"name":"Chair","price":` + demoBroken + `,"quantity":1}]},
 {"order_id":4,"order_date":"2024-01-12","total_amount":44.99,
  "customer":{"customer_id":101,"name":"Ada","email":"ada@example.com"},
  "products":[
    {"product_id":1,"name":"Mug","price":25.00,"quantity":1},
    {"product_id":5,"name":"Vase","price":19.99,"quantity":1}]}]
`
	demoBroken = `"on request"`
	demoFixed  = `89.90`
)

const demoConfig = `# The configuration of the demo; docs/config.md has all keys. Everything else
# has its default: the folders beside the source, the mapping "orders".
source: s3://` + demoBucket + `/raw_orders_data/
`

// demoFiles are the files of a demo. The bucket is a folder among them.
type demoFiles struct {
	dir    string
	made   bool   // by the demo
	orders string // the first upload, to play with
	config string
	event  string // the notification of the last upload
	object string // what was uploaded
	table  bool   // the rows go into an Iceberg table
}

// openDemo makes the folder, or uses an empty one.
func openDemo(cmd *cobra.Command, dir string) (d demoFiles, err error) {
	made := true
	if dir == "" {
		dir, err = os.MkdirTemp("", "sluice-demo-")
	} else if err = os.Mkdir(dir, 0o777); os.IsExist(err) {
		made = false
		var entries []os.DirEntry
		if entries, err = os.ReadDir(dir); len(entries) > 0 {
			return d, usage(cmd, "--dir %s is not empty; name a new folder", dir)
		}
	}
	if err != nil {
		return d, fmt.Errorf("make folder: %w", err)
	}
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	return demoFiles{dir, made, in("orders.json"), in("sluice.yaml"), in("event.json"), in(demoBucket + "/" + demoKey), false}, nil
}

// write makes the files, and the first upload.
func (d demoFiles) write() error {
	if err := os.MkdirAll(filepath.Dir(d.object), 0o777); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := writeWhole(d.orders, demoOrders); err != nil {
		return err
	}
	text := demoConfig
	if d.table {
		text += "table: {format: iceberg}\n"
	}
	if err := writeWhole(d.config, text); err != nil {
		return err
	}
	return d.upload(demoOrders)
}

// upload puts the orders into the bucket and writes the notification, as S3
// forms it (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
func (d demoFiles) upload(orders string) error {
	if err := writeWhole(d.object, orders); err != nil {
		return err
	}
	info, err := os.Stat(d.object)
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	type object = map[string]any
	text, err := json.MarshalIndent(object{"Records": []object{{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
		"eventTime": info.ModTime().UTC().Format("2006-01-02T15:04:05.000Z"), "eventName": "ObjectCreated:Put",
		"s3": object{
			"s3SchemaVersion": "1.0",
			"bucket":          object{"name": demoBucket, "arn": "arn:aws:s3:::" + demoBucket},
			"object":          object{"key": strings.ReplaceAll(url.QueryEscape(demoKey), "%2F", "/"), "size": info.Size(), "sequencer": fmt.Sprintf("%016X", info.ModTime().UnixNano())},
		},
	}}}, "", "  ")
	if err != nil {
		return fmt.Errorf("upload: %w", err)
	}
	return writeWhole(d.event, string(text)+"\n")
}

// remove removes what the demo has made.
func (d demoFiles) remove() {
	for _, name := range []string{d.orders, d.config, d.event} {
		os.Remove(name)
	}
	os.RemoveAll(filepath.Join(d.dir, demoBucket))
	if d.made {
		os.Remove(d.dir)
	}
}

func writeWhole(name, text string) error {
	file, err := atomicfile.Create(name)
	if err != nil {
		return err
	}
	defer file.Abort()
	if _, err := io.WriteString(file, text); err != nil {
		return err
	}
	return file.Commit()
}
