package iceberg

import (
	"context"
	"fmt"
	"strings"

	"sluice/internal/store"
)

// Files are the files of tables: those of a store, by the URIs that readers know.
type Files struct {
	Store store.Store
	// Base is the URI of the store itself, with a slash at its end: s3://bucket/, or
	// file:///folder/.
	Base string
}

// mostMetadata bounds a metadata file, manifest or list that is read.
const mostMetadata = 256 << 20

// URI is how readers know a key.
func (f Files) URI(key string) string { return f.Base + key }

// Key is the key of a URI. Engines write the same place in several ways.
func (f Files) Key(uri string) (string, error) {
	for _, other := range []string{"s3a://", "s3n://"} {
		if rest, ok := strings.CutPrefix(uri, other); ok {
			uri = "s3://" + rest
		}
	}
	if rest, ok := strings.CutPrefix(uri, "file:/"); ok {
		uri = "file:///" + strings.TrimLeft(rest, "/")
	}
	key, ok := strings.CutPrefix(uri, f.Base)
	if !ok {
		return "", fmt.Errorf("the table names a file outside of %s", f.Base)
	}
	return key, nil
}

// Folder is the key of a table's folder, with a slash at its end.
func (f Files) Folder(m *Metadata) (string, error) {
	return f.Key(strings.TrimRight(m.Location, "/") + "/")
}

// Read reads a small file.
func (f Files) Read(ctx context.Context, uri string) ([]byte, error) {
	key, err := f.Key(uri)
	if err != nil {
		return nil, err
	}
	data, _, err := store.Get(ctx, f.Store, key, mostMetadata)
	return data, err
}

// Write makes a new file of a key.
func (f Files) Write(ctx context.Context, key string, data []byte) (uri string, err error) {
	if _, err := store.Put(ctx, f.Store, key, data, store.CreateOptions{}, store.IfNoneMatch()); err != nil {
		return "", err
	}
	return f.URI(key), nil
}
