package dirstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"sluice/internal/store"
)

// stamp tells the published states of one key apart, since Commit gives each a
// modification time after that of the one before. A rename changes neither time
// nor size, so the file of the Meta gets its name from them before the rename.
func stamp(stat fs.FileInfo) string {
	return strconv.FormatInt(stat.ModTime().UnixNano(), 16) + "-" + strconv.FormatInt(stat.Size(), 16)
}

// etag of a state. A file without Meta may come from another program, which can
// set the modification time, as programs that unpack archives do. So its ETag
// includes the time of change, which only the system sets.
func etag(stat fs.FileInfo, published bool) string {
	if published {
		return stamp(stat)
	}
	return stamp(stat) + "-" + strconv.FormatInt(changed(stat), 16)
}

// meta is the content of the file that goes with a published state.
type meta struct {
	Meta map[string]string `json:"meta"`
}

// metaFolder has the files of all Meta.
var metaFolder = filepath.Join(private, "meta")

// metaName names the file of the Meta.
func metaName(name string, stat fs.FileInfo) string {
	return filepath.Join(metaFolder, metaPath(name, stat))
}

// metaPath is that name in the folder. All keys of a folder share one folder for these
// files: one for each key would cost more than the object.
func metaPath(name string, stat fs.FileInfo) string {
	dir, base := filepath.Split(name)
	end := "." + stamp(stat)
	if len(base)+len(end) > maxName {
		sum := sha256.Sum256([]byte(base))
		base = hex.EncodeToString(sum[:])
	}
	return filepath.Join(dir, base+end)
}

// readMeta returns the Meta of the state, and false if it has none.
func (s *Store) readMeta(name string, stat fs.FileInfo) (map[string]string, bool, error) {
	data, err := s.root.ReadFile(metaName(name, stat))
	if isAbsent(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var m meta
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, false, fmt.Errorf("the file of its metadata, %s, is damaged; delete it, and the object is made or read again", metaName(name, stat))
	}
	return m.Meta, true, nil
}

// current describes the present state of the file.
func (s *Store) current(ctx context.Context, key, name string) (store.Info, error) {
	stat, err := s.regular(name)
	for {
		if err != nil {
			return store.Info{}, err
		}
		info, known, failed := s.describe(key, name, stat)
		if known || failed != nil {
			return info, failed
		}
		// Either the state never had a Meta, or it was replaced after the look
		// at it, and its Meta removed. Then there is a newer state.
		if stat, err = s.regular(name); err == nil && etag(stat, false) == info.ETag {
			return info, nil
		}
		if ctx.Err() != nil {
			return store.Info{}, ctx.Err()
		}
	}
}

// describe makes the Info of a state; known says whether its Meta was found.
func (s *Store) describe(key, name string, stat fs.FileInfo) (info store.Info, known bool, err error) {
	info = store.Info{Key: key, Size: stat.Size(), Modified: stat.ModTime().UTC()}
	info.Meta, known, err = s.readMeta(name, stat)
	info.ETag = etag(stat, known)
	return info, known, err
}
