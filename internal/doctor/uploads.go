package doctor

import (
	"context"
	"fmt"
	"time"

	"sluice/internal/store"
)

// oldUpload is the age at which an upload must be that of a dead worker.
const oldUpload = 24 * time.Hour

// maxSized is the number of uploads whose size is asked for: each needs a request.
const maxSized = 100

// uploads counts the uploads of workers that died, or that are at work now.
func (d *doctor) uploads(ctx context.Context) Check {
	const name = "uploads"
	var n, sized int
	var bytes int64
	var oldest time.Time
	for _, p := range d.places[1:] {
		all, err := p.st.PendingUploads(ctx, p.at.Prefix)
		if err != nil {
			return unseen(name, err, "s3:ListBucketMultipartUploads")
		}
		n += len(all)
		for _, u := range all {
			if oldest.IsZero() || u.Started.Before(oldest) {
				oldest = u.Started
			}
			if sized == maxSized {
				continue
			}
			// Both stores know the size, unless the upload has ended meanwhile.
			if s, ok := p.st.(interface {
				UploadSize(context.Context, store.Upload) (int64, error)
			}); ok {
				if size, err := s.UploadSize(ctx, u); err == nil {
					bytes, sized = bytes+size, sized+1
				}
			}
		}
	}
	if n == 0 {
		return ok(name, "none is pending")
	}
	what := fmt.Sprintf("%d pending, begun up to %s ago", n, age(oldest))
	if sized > 0 {
		what += fmt.Sprintf(", %d bytes in %d of them", bytes, sized)
	}
	if time.Since(oldest) < oldUpload {
		return ok(name, "%s", what)
	}
	hint := "they are of workers that died; sluice run removes them, or a lifecycle rule with AbortIncompleteMultipartUpload"
	if d.place("sink").bucket() == nil {
		hint = "they are of workers that died; sluice run removes them"
	}
	return warn(name, hint, "%s", what)
}
