package store

import (
	"strconv"
	"time"
)

// Identity names a source state: the version id where the bucket has
// versioning, else the State. It is one line of ASCII, to be stored and compared,
// not parsed. It needs an Info of Head or Open.
func (i Info) Identity() string {
	if i.VersionID != "" {
		return "version:" + i.VersionID
	}
	return i.State()
}

// State names a source state by what listings also show: ETag, size and time. Two
// states with the same State have the same content, even if their versions differ.
// So a State can be compared with a listing; at worst an overwrite with the same
// bytes goes unnoticed.
func (i Info) State() string {
	return "etag:" + i.ETag + ":" + strconv.FormatInt(i.Size, 10) + ":" + i.Modified.UTC().Format(time.RFC3339Nano)
}
