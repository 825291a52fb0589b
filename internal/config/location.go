package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Location is a folder of a bucket, or of the local disk.
type Location struct {
	Bucket string // empty: the local disk
	Dir    string // the folder of the disk that stands for the bucket
	Prefix string // of the keys; empty, or with a slash at its end
}

// ParseLocation reads s3://bucket/prefix/ or a path.
func ParseLocation(s string) (Location, error) {
	rest, ok := strings.CutPrefix(s, "s3://")
	if !ok {
		if strings.Contains(s, "://") {
			return Location{}, fmt.Errorf("%q: use s3://bucket/prefix/ or the path of a folder", s)
		}
		dir, err := filepath.Abs(s)
		if err != nil {
			return Location{}, fmt.Errorf("%q: %w", s, err)
		}
		return Location{Dir: dir}, nil
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if bucket == "" {
		return Location{}, errors.New("the bucket is missing; write s3://bucket/prefix/")
	}
	if prefix != "" && !strings.HasSuffix(prefix, "/") {
		prefix += "/"
	}
	return Location{Bucket: bucket, Prefix: prefix}, nil
}

// Beside returns the folder of this name in the same bucket, or beside this folder.
func (l Location) Beside(folder string) Location {
	if l.Bucket != "" || l.Prefix != "" {
		return Location{Bucket: l.Bucket, Dir: l.Dir, Prefix: folder}
	}
	return Location{Dir: filepath.Join(filepath.Dir(l.Dir), strings.TrimSuffix(folder, "/"))}
}

// Holds reports whether o is this folder or lies under it.
func (l Location) Holds(o Location) bool {
	if l.Bucket != o.Bucket {
		return false
	}
	return strings.HasPrefix(o.path(), l.path())
}

// path is the path of the location, with a slash at its end.
func (l Location) path() string {
	if l.Bucket != "" {
		return l.Prefix
	}
	return strings.TrimSuffix(filepath.ToSlash(filepath.Join(l.Dir, filepath.FromSlash(l.Prefix))), "/") + "/"
}

// Name is the full name of a key in this location's store, for people.
func (l Location) Name(key string) string { return strings.TrimSuffix(l.String(), l.Prefix) + key }

func (l Location) String() string {
	if l.Bucket != "" {
		return "s3://" + l.Bucket + "/" + l.Prefix
	}
	return l.path()
}
