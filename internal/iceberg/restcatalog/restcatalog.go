// Package restcatalog is a catalog that speaks the Iceberg REST protocol, as AWS Glue,
// Amazon S3 Tables, Nessie, Polaris and others do. "Spec" in the comments is
// https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml.
package restcatalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sluice/internal/iceberg"
	"sluice/internal/patience"
)

// Options say where a catalog is, and how it knows us.
type Options struct {
	// URI is what comes before /v1. On AWS it is https://glue.REGION.amazonaws.com/iceberg
	// or https://s3tables.REGION.amazonaws.com/iceberg.
	URI string
	// Warehouse, if there is one, is what the server calls the catalog: in Glue an
	// account ID, or 123456789012:s3tablescatalog/BUCKET; in S3 Tables the ARN of the
	// table bucket.
	Warehouse string
	// Namespace has one name for each level, at least one. It must exist: if we made
	// missing ones, a misspelt name would go unnoticed.
	Namespace []string

	// SigV4 is the name of the service in signatures of AWS: glue or s3tables. If it is
	// empty, requests are not signed.
	SigV4       string
	Region      string                  // for SigV4
	Credentials aws.CredentialsProvider // for SigV4
	// Token, if there is one, is sent as a bearer token; not with SigV4, which has the
	// same header.
	Token string

	// Timeout is how long a call may wait, its repetitions together; 0 is
	// [patience.Timeout]. What flows is not cut off.
	Timeout time.Duration
}

// s3Tables says whether the server is S3 Tables, also behind Glue.
func (o *Options) s3Tables() bool {
	return o.SigV4 == "s3tables" || strings.Contains(o.Warehouse, "s3tablescatalog/")
}

// Catalog is the tables of a namespace.
type Catalog struct {
	options Options
	aws     aws.Config // with client and patience

	mu     sync.Mutex
	tables string // URL of the namespace's tables, once the server was asked
}

// New returns the catalog. It makes no request yet.
func New(o Options) (*Catalog, error) {
	u, err := url.Parse(o.URI)
	switch {
	case err != nil:
		return nil, errors.New("the URI of the Iceberg catalog is no URL") // it may have a password in it
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, errors.New("the URI of the Iceberg catalog must begin with http:// or https:// and a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the URI of the Iceberg catalog may not have a user, a query or a fragment")
	case len(o.Namespace) == 0:
		return nil, errors.New("the Iceberg catalog needs a namespace")
	case o.SigV4 != "" && (o.Region == "" || o.Credentials == nil):
		return nil, errors.New("SigV4 needs a region and credentials")
	case o.SigV4 != "" && o.Token != "":
		return nil, errors.New("the Iceberg catalog can have SigV4 or a token, not both")
	}
	if o.s3Tables() && (len(o.Namespace) > 1 || strings.Trim(o.Namespace[0], "abcdefghijklmnopqrstuvwxyz0123456789_") != "") {
		return nil, errors.New("a namespace of S3 Tables has one level, of a to z, 0 to 9 and _")
	}
	for _, level := range o.Namespace {
		if level == "" {
			return nil, errors.New("the namespace of the Iceberg catalog has an empty level")
		}
	}
	o.URI = strings.TrimRight(o.URI, "/")
	return &Catalog{options: o, aws: patience.Bound(aws.Config{Credentials: o.Credentials}, o.Timeout)}, nil
}

// place is the URL of the namespace's tables. The server says what stands between: Spec,
// getConfig. A URI that it may send too is not followed: credentials go where the
// configuration says.
func (c *Catalog) place(ctx context.Context) (string, error) {
	c.mu.Lock()
	tables := c.tables
	c.mu.Unlock()
	if tables != "" {
		return tables, nil
	}
	where := c.options.URI + "/v1/config"
	if c.options.Warehouse != "" {
		where += "?warehouse=" + strings.ReplaceAll(url.QueryEscape(c.options.Warehouse), "+", "%20") // as signatures want it
	}
	var config struct{ Defaults, Overrides map[string]string }
	if err := c.get(ctx, where, &config); err != nil {
		return "", fmt.Errorf("ask the Iceberg catalog for its configuration: %w", err)
	}
	setting := func(name string) string {
		if value, ok := config.Overrides[name]; ok {
			return value
		}
		return config.Defaults[name]
	}
	separator := "\x1f"
	if encoded := setting("namespace-separator"); encoded != "" {
		var err error
		if separator, err = url.PathUnescape(encoded); err != nil {
			return "", errors.New("the Iceberg catalog separates names in a way that cannot be read")
		}
	}
	tables = c.options.URI + "/v1/"
	if prefix := strings.Trim(setting("prefix"), "/"); prefix != "" {
		tables += prefix + "/" // servers send it as it is in URLs
	}
	tables += "namespaces/" + url.PathEscape(strings.Join(c.options.Namespace, separator)) + "/tables"
	c.mu.Lock()
	c.tables = tables
	c.mu.Unlock()
	return tables, nil
}

// answer is a table as the server shows it: Spec, LoadTableResult.
type answer struct {
	File     string          `json:"metadata-location"`
	Metadata json.RawMessage `json:"metadata"`
}

func (a *answer) table(name string) (*iceberg.Table, error) {
	m, err := iceberg.Parse(a.Metadata)
	if err != nil {
		return nil, fmt.Errorf("read the metadata in the answer: %w", err)
	}
	if m.Properties[notCompared] != "" {
		return nil, errNotCompared
	}
	return &iceberg.Table{Name: name, File: a.File, Metadata: m}, nil
}

// called names the table in errors.
func (c *Catalog) called(name string) string {
	return strings.Join(append(c.options.Namespace[:len(c.options.Namespace):len(c.options.Namespace)], name), ".")
}

// Load implements [iceberg.Catalog].
func (c *Catalog) Load(ctx context.Context, name string) (*iceberg.Table, error) {
	table, err := c.load(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("load table %s: %w", c.called(name), err)
	}
	return table, nil
}

func (c *Catalog) load(ctx context.Context, name string) (*iceberg.Table, error) {
	tables, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	var got answer
	err = c.get(ctx, tables+"/"+url.PathEscape(name), &got)
	if isStatus(err, http.StatusNotFound) {
		return nil, fmt.Errorf("%w: %w", iceberg.ErrNoTable, err)
	}
	if err != nil {
		return nil, err
	}
	return got.table(name)
}

// Create implements [iceberg.Catalog]. The server may choose another location, other
// field IDs and more properties than those of first: what it returns is the table. If
// first has no location, or the server is S3 Tables, none is asked for.
func (c *Catalog) Create(ctx context.Context, name string, first *iceberg.Metadata) (*iceberg.Table, error) {
	table, err := c.create(ctx, name, first)
	if err != nil {
		return nil, fmt.Errorf("create table %s: %w", c.called(name), err)
	}
	return table, nil
}

func (c *Catalog) create(ctx context.Context, name string, first *iceberg.Metadata) (*iceberg.Table, error) {
	tables, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	var got answer
	request := creation(name, first)
	if c.options.s3Tables() {
		delete(request, "location") // each table is a bucket of its own
	}
	err = c.post(ctx, tables, request, &got)
	switch {
	case isStatus(err, http.StatusConflict):
		return nil, fmt.Errorf("%w: %w", iceberg.ErrTableExists, err)
	case isStatus(err, http.StatusNotFound):
		return nil, fmt.Errorf("namespace %s does not exist; create it: %w", strings.Join(c.options.Namespace, "."), err)
	case err != nil:
		return nil, err
	}
	table, err := got.table(name)
	if err != nil {
		return nil, err
	}
	// The names of columns lead to the field IDs that the server has given.
	mapping, given := table.Metadata.CurrentSchema().NameMapping(), first.Properties[iceberg.NameMapping]
	if given != "" && given != mapping {
		return c.commit(ctx, table, iceberg.Change{Properties: map[string]string{iceberg.NameMapping: mapping}})
	}
	return table, nil
}

// Commit implements [iceberg.Catalog].
func (c *Catalog) Commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	table, err := c.commit(ctx, base, change)
	if err != nil {
		return nil, fmt.Errorf("commit to table %s: %w", c.called(base.Name), err)
	}
	return table, nil
}

func (c *Catalog) commit(ctx context.Context, base *iceberg.Table, change iceberg.Change) (*iceberg.Table, error) {
	tables, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	request, err := update(base.Metadata, change)
	if err != nil {
		return nil, err
	}
	var got answer
	where := tables + "/" + url.PathEscape(base.Name)
	err = c.post(ctx, where, request, &got)
	switch {
	case isStatus(err, http.StatusConflict):
		return nil, fmt.Errorf("%w: %w", iceberg.ErrConflict, err)
	case isStatus(err, http.StatusNotFound):
		return nil, fmt.Errorf("%w: %w", iceberg.ErrNoTable, err)
	case err != nil:
		return nil, err
	}
	table, err := got.table(base.Name)
	if err != nil {
		return nil, err
	}
	if change.Snapshot == nil {
		return table, nil
	}
	// Callers go on with what belongs to this very snapshot.
	if head := table.Metadata.Head(); head == nil || head.ID != change.Snapshot.ID {
		return nil, fmt.Errorf("the answer has another snapshot than %d, which was committed", change.Snapshot.ID)
	}
	if base.Metadata.Head() == nil {
		return table, c.compares(ctx, where, table)
	}
	return table, nil
}
