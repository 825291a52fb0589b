package store

import (
	"strconv"
	"time"
)

// Identity names a source state: the version id where the bucket has
// versioning, else the State. It is one line of ASCII, made to be stored and
// compared, not to be taken apart. It needs an Info of Head or Open.
func (i Info) Identity() string {
	if i.VersionID != "" {
		return "version:" + i.VersionID
	}
	return i.State()
}

// State names a source state by what listings know of it too: ETag, size and
// time. Two states with one State have the same content, also where their
// versions differ: so a listing is compared with it, and the worst that can
// happen is that an overwrite with the same bytes goes unnoticed.
func (i Info) State() string {
	return "etag:" + i.ETag + ":" + strconv.FormatInt(i.Size, 10) + ":" + i.Modified.UTC().Format(time.RFC3339Nano)
}
