package setup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"sluice"
	"sluice/internal/config"
	"sluice/internal/iceberg"
	"sluice/internal/iceberg/filecatalog"
	"sluice/internal/iceberg/gluecatalog"
	"sluice/internal/iceberg/restcatalog"
	"sluice/internal/pipeline"
	"sluice/internal/runs"
	"sluice/internal/store/s3store"
	"sluice/internal/tables"
)

// ledgerCache is the number of bytes of the ledgers of all tables that stay in memory from
// batch to batch.
const ledgerCache = 16 << 20

// openTarget opens what makes rows visible: a file for each object, or tables.
func (s *Setup) openTarget(ctx context.Context) error {
	if s.Config.Table.Format == "" {
		s.Target = s.Pipeline
		return nil
	}
	files := iceberg.Files{Store: s.Pipeline.Sink, Base: s.sinkURI()}
	catalog, err := s.openTableCatalog(ctx, files)
	if err != nil {
		return fmt.Errorf("open catalog of tables: %w", err)
	}
	t := &pipeline.Tables{Staging: s.Config.Table.Staged, Pipeline: s.Pipeline}
	if s.stores.isBucket(s.Config.Sink) {
		t.PartBytes = s3store.PartSize
	}
	for _, p := range s.Config.Table.Partition {
		t.Partition = append(t.Partition, pipeline.Partition{Transform: iceberg.Transform{Name: p.Transform, N: p.N}, Column: p.Column})
	}
	if err := s.checkPartition(); err != nil {
		return err
	}
	elsewhere := s.elsewhere
	if s.tableCatalog() != "rest" {
		elsewhere = nil // the table is where we make it
	}
	cache := runs.NewCache(ledgerCache)
	for i := range s.Pipeline.Mapping.Tables {
		name := s.Pipeline.Mapping.Tables[i].Name
		t.Tables = append(t.Tables, &tables.Table{
			Catalog: catalog, Name: name, Files: files, Folder: s.Pipeline.SinkPrefix + name + "/", Elsewhere: elsewhere,
			Ledger: s.Ledger, LedgerPrefix: s.Config.Ledger.Prefix, LedgerCache: cache,
			CreatedBy: "sluice version " + sluice.Version(), Now: time.Now, Pause: pause,
			Retention: iceberg.Retention{Snapshots: 100, Age: 24 * time.Hour},
		})
	}
	s.Target = t
	return nil
}

// checkPartition returns an error if a column that divides rows is in no table, or cannot
// divide them that way.
func (s *Setup) checkPartition() error {
	m := s.Pipeline.Mapping
	for _, p := range s.Config.Table.Partition {
		transform := iceberg.Transform{Name: p.Transform, N: p.N}
		found := false
		for i := range m.Tables {
			columns, _ := iceberg.NewSchema(m.Schema(&m.Tables[i]).Columns)
			f := columns.Field(p.Column)
			if f == nil {
				continue
			}
			found = true
			if err := divides(transform, f.Type); err != nil {
				return &MappingError{fmt.Errorf("table.partition: column %s of table %s: %w", p.Column, m.Tables[i].Name, err)}
			}
		}
		if !found {
			return &MappingError{fmt.Errorf("table.partition: no table of mapping %s has a column %q", s.Pipeline.MappingName, p.Column)}
		}
	}
	return nil
}

// divides returns an error if engines cannot read a table that is divided so. A decimal
// near the smallest of its type is truncated to one with more digits than the type has:
// Trino then reads nothing of the table. DuckDB reads others of these values wrong.
func divides(t iceberg.Transform, of iceberg.Type) error {
	if _, _, decimal := of.Decimal(); decimal && t.Name == "truncate" {
		return errors.New("truncate of a decimal is not for all engines; use identity or bucket")
	}
	_, err := t.Result(of)
	return err
}

// openTableCatalog opens who keeps the current state of the tables. In a folder that
// stands for buckets that is the folder.
func (s *Setup) openTableCatalog(ctx context.Context, files iceberg.Files) (iceberg.Catalog, error) {
	prefix := s.Pipeline.SinkPrefix
	switch s.tableCatalog() {
	case "glue":
		client, err := s.glue(ctx)
		if err != nil {
			return nil, err
		}
		return &gluecatalog.Catalog{Client: client, Database: s.Config.Catalog.Database, Files: files, Prefix: prefix}, nil
	case "rest":
		return s.restCatalog(ctx)
	}
	return &filecatalog.Catalog{Files: files, Prefix: prefix}, nil
}

// tableCatalog is the kind of that catalog.
func (s *Setup) tableCatalog() string {
	if s.stores.lake != "" {
		return "file"
	}
	return s.Config.Table.Catalog
}

// elsewhere opens the bucket of a table that a REST server has placed itself, as S3
// Tables does.
func (s *Setup) elsewhere(location string) (iceberg.Files, string, error) {
	bucket, folder, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
	if !strings.HasPrefix(location, "s3://") || bucket == "" || !s.stores.isBucket(s.Config.Sink) {
		return iceberg.Files{}, "", errors.New("that is outside of the sink, and only tables of a sink in S3 may be in another bucket")
	}
	st, err := s.stores.at(config.Location{Bucket: bucket}, true)
	if err != nil {
		return iceberg.Files{}, "", err
	}
	if folder = strings.Trim(folder, "/"); folder != "" {
		folder += "/"
	}
	return iceberg.Files{Store: st, Base: "s3://" + bucket + "/"}, folder, nil
}

func (s *Setup) restCatalog(ctx context.Context) (iceberg.Catalog, error) {
	t := s.Config.Table
	o := restcatalog.Options{
		URI: t.URI, Warehouse: t.Warehouse, Namespace: strings.Split(t.Namespace, "."), SigV4: t.Signing, Token: string(t.Token), Timeout: s.Config.S3.Timeout,
	}
	if t.Signing != "" {
		found, err := s.aws(ctx)
		if err != nil {
			return nil, err
		}
		o.Region, o.Credentials = found.Region, found.Credentials
	}
	return restcatalog.New(o)
}

// sinkURI is the URI of the store of the sink, with a slash at its end.
func (s *Setup) sinkURI() string {
	at := s.Pipeline.Sink.String()
	if s.stores.isBucket(s.Config.Sink) {
		return strings.TrimSuffix(at, "/") + "/"
	}
	return "file://" + filepath.ToSlash(realPath(at)) + "/"
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
