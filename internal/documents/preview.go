package documents

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"sluice"
	"sluice/internal/advice"
	"sluice/mapping"
)

// PreviewOptions say what of a document a preview is made of.
type PreviewOptions struct {
	Source  string // key of the document
	Size    int64  // its bytes; 0 if it is not known
	Records int64  // only the first of them; 0: all
	Rows    int    // of each table
}

// Preview is what a mapping makes of a document.
type Preview struct {
	Stats  sluice.Stats
	Tables []Table
	Faults advice.Found
	// Quarantine is the quarantine file: the records that do not fit, each with the
	// first thing that does not.
	Quarantine []byte
}

// MakePreview converts the first records of a document, which may be a quarantine
// file. A preview is for finding out why records do not fit, so it shows all of
// them, also where a conversion would reject the document for their number.
func MakePreview(ctx context.Context, m *mapping.Mapping, src io.Reader, opts PreviewOptions) (*Preview, error) {
	lenient := *m
	lenient.Limits.QuarantineShare = 1
	p, files := &Preview{}, outputs{}
	var quarantine bytes.Buffer
	var err error
	if p.Stats, err = sluice.Convert(ctx, nil, src, &lenient, &sluice.Options{
		Codec: sluice.None, Source: opts.Source, Size: opts.Size, MaxRecords: opts.Records, Quarantine: &quarantine, Table: files.open,
	}); err != nil {
		return nil, err
	}
	p.Quarantine = quarantine.Bytes()
	if p.Faults, err = advice.Read(ctx, &lenient, bytes.NewReader(p.Quarantine)); err != nil {
		return nil, err
	}
	if p.Tables, err = files.tables(m, opts.Rows); err != nil {
		return nil, fmt.Errorf("read the rows of the preview: %w", err)
	}
	return p, nil
}
