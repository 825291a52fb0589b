package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sluice/internal/iceberg"
	"sluice/internal/pipeline"
	"sluice/internal/runs"
	"sluice/internal/tables"
)

// What is worth a warning of a table.
const (
	smallFile      = 16 << 20 // bytes of a data file that is opened for little
	manySmall      = 1000
	manyDeletes    = 200
	largestGlue    = 20 << 20 // bytes of metadata that Glue takes
	largeMetadata  = largestGlue / 2
	rebuildHint    = "make the ledger anew, of the table itself: sluice table rebuild, and then sluice run"
	compactionHint = "compact the table: sluice table compact, the optimizer of Glue and S3 Tables, OPTIMIZE of Athena, or rewrite_data_files of Spark; docs/tables.md says what engines may do"
)

// tables looks at each table that objects share: its state, the ledger that is a part
// of it, its rows and its files.
func (d *doctor) tables(ctx context.Context, t *pipeline.Tables) (checks []Check) {
	for i := range t.Tables {
		h, changes, err := t.Head(ctx, i)
		name := t.Tables[i].Name
		switch {
		case errors.Is(err, iceberg.ErrNoTable):
			checks = append(checks, ok("table", "%s does not exist yet; the next commit makes it", name))
		case err != nil:
			checks = append(checks, unloaded(name, h, err))
		default:
			checks = append(checks, loaded(name, h, changes), dividedBy(t, name, h, i), ledgerOf(ctx, name, h), rowsOf(ctx, h.Files(), name, h), filesOf(ctx, h.Files(), name, h), metadataOf(name, h))
			checks = append(checks, staged(ctx, t.Tables[i], h)...)
		}
	}
	return checks
}

// oldStaged is how long a batch may wait for its commit.
const oldStaged = 15 * time.Minute

// staged warns if batches wait for a commit, and nobody seems to make it, and of those that were
// set aside.
func staged(ctx context.Context, t *tables.Table, h *tables.Head) (checks []Check) {
	const name = "table staged"
	waiting, err := t.Staged(ctx, h, 0)
	var damaged []tables.Staged
	if err == nil {
		damaged, err = t.Damaged(ctx, h)
	}
	if err != nil {
		return []Check{failed(name, err)}
	}
	if oldest := tables.Oldest(waiting); len(waiting) > 0 && t.Now().Sub(oldest) >= oldStaged {
		checks = append(checks, warn(name, "make them visible: sluice table commit; docs/tables.md#many-writers",
			"batches that wait for a commit to table %s: %d, the oldest since %s", t.Name, len(waiting), oldest.UTC().Format(time.RFC3339)))
	}
	if len(damaged) > 0 {
		checks = append(checks, warn("table damaged", "convert their objects again: sluice run; then remove the folder, or leave it to sluice table maintain",
			"staged batches for table %s that are damaged, in %s: %d", t.Name, h.DamagedFolder(), len(damaged)))
	}
	return checks
}

func unloaded(name string, h *tables.Head, err error) Check {
	c := failed("table", fmt.Errorf("table %s: %w", name, err))
	switch {
	case h != nil: // it does not fit the mapping
		c.Hint = "nothing is committed, and events stay, until the mapping fits the table; or name another sink and ledger and run: sluice run. See docs/tables.md#changing-the-mapping"
	case errors.Is(err, tables.ErrNoLedger):
		c.Hint = "if the table is not one of sluice, name another sink, or another namespace of the catalog; if it is, " + rebuildHint
	case tables.IsLost(err):
		c.Hint = rebuildHint
	case errors.Is(err, tables.ErrElsewhere):
		c.Hint = "move it back; or convert a copy of the source, with another sink and ledger: sluice run; docs/lake.md#moved-copied-saved"
	case c.Hint == "":
		c.Hint = "the table is damaged or cannot be read: restore the file that is named from its older versions; or name another sink and ledger, and run: sluice run"
	}
	return c
}

func loaded(name string, h *tables.Head, changes []string) Check {
	columns := "has the columns of the mapping"
	if len(changes) > 0 {
		columns = "gets the columns of the mapping with the next commit of rows: " + strings.Join(changes, ", ")
	}
	s := h.Metadata().Head()
	if s == nil {
		return ok("table", "%s %s; it has no snapshot yet", name, columns)
	}
	return ok("table", "%s %s; its last snapshot (%s) is %s old", name, columns, s.Summary["operation"], age(time.UnixMilli(s.Time)))
}

// dividedBy compares the partition spec of a table with the configuration.
func dividedBy(t *pipeline.Tables, table string, h *tables.Head, i int) Check {
	const name = "table partition"
	is, wanted := t.Divided(h, i)
	if wanted != "" && wanted != is {
		return ok(name, "the rows of table %s are divided by %s, and those that come next by %s", table, cmp.Or(is, "nothing"), wanted)
	}
	return ok(name, "the rows of table %s are divided by %s", table, cmp.Or(is, "nothing"))
}

// ledgerOf reads what is known of each key.
func ledgerOf(ctx context.Context, table string, h *tables.Head) Check {
	const name = "table ledger"
	var keys, rows int64
	err := h.ScanBrief(ctx, func(e *runs.Entry) error {
		keys++
		rows += e.Shown.Rows
		return nil
	})
	switch {
	case err != nil:
		c := failed(name, fmt.Errorf("ledger of table %s: %w", table, err))
		if tables.IsLost(err) {
			c.Hint = rebuildHint
		}
		return c
	case rows != h.Rows():
		return Check{Name: name, Status: Failed, Detail: fmt.Sprintf("the ledger of table %s names %d rows, and its keys have %d", table, h.Rows(), rows),
			Hint: "a fault of sluice: please report it; until then name another sink and ledger, and run: sluice run"}
	}
	return ok(name, "%s of table %s, with %s", count(keys, "key"), table, count(rows, "row"))
}

// rowsOf compares the rows of the table with those of its ledger. It reads the deletes:
// the summary of a snapshot also counts those of files that a compaction replaced.
func rowsOf(ctx context.Context, files iceberg.Files, table string, h *tables.Head) Check {
	const name = "table rows"
	live, err := tables.NewLive(files).Files(ctx, h)
	var shown int64
	for i := range live {
		shown += live[i].Rows
		for _, m := range live[i].Masked {
			shown -= m.To - m.From
		}
	}
	switch {
	case err != nil:
		return notChecked(name, "%v", err)
	case shown > h.Rows():
		return warn(name, "rows that were replaced are back, or somebody else wrote rows: stop what compacts or writes the table, then sluice table verify --mend; docs/tables.md#operation",
			"table %s has %s more than its ledger", table, count(shown-h.Rows(), "row"))
	case shown < h.Rows():
		return warn(name, "somebody else deleted rows; sluice run --reprocess KEY brings those of an object back",
			"table %s has %s fewer than its ledger", table, count(h.Rows()-shown, "row"))
	}
	return ok(name, "table %s has the %s of its ledger", table, count(shown, "row"))
}

func filesOf(ctx context.Context, files iceberg.Files, table string, h *tables.Head) Check {
	const name = "table files"
	var data, small, deletes, bytes int64
	lines, err := files.Manifests(ctx, h.Metadata().Head())
	for i := range lines {
		if err != nil {
			break
		}
		err = files.Entries(ctx, h.Metadata(), &lines[i], func(e *iceberg.Entry) error {
			switch bytes += e.File.Bytes; {
			case e.File.Content != iceberg.Data:
				deletes++
			case e.File.Bytes < smallFile:
				small++
				fallthrough
			default:
				data++
			}
			return nil
		})
	}
	what := fmt.Sprintf("table %s: %s, %d of them below 16 MiB, and %s with deletes; %d bytes", table, count(data, "data file"), small, count(deletes, "file"), bytes)
	switch {
	case err != nil:
		c := failed(name, fmt.Errorf("table %s: %w", table, err))
		if c.Hint == "" {
			c.Hint = "a file of the table's metadata is gone or damaged: restore it from its older versions, or set the table back to an older snapshot"
		}
		return c
	case small > manySmall || deletes > manyDeletes:
		return warn(name, compactionHint, "%s", what)
	}
	return ok(name, "%s", what)
}

func metadataOf(table string, h *tables.Head) Check {
	const name = "table metadata"
	m := h.Metadata()
	data, err := m.JSON()
	if err != nil {
		return failed(name, err)
	}
	what := fmt.Sprintf("table %s: %d bytes, %s", table, len(data), count(int64(len(m.Snapshots)), "snapshot"))
	if n := len(m.Snapshots); n > 0 {
		what += fmt.Sprintf(", the oldest %s old", age(oldest(m)))
	}
	if len(data) > largeMetadata {
		return warn(name, "Glue refuses metadata above 20 MB: make fewer commits, with a longer batching window, and expire snapshots with the engine that compacts the table", "%s", what)
	}
	return ok(name, "%s", what)
}

func oldest(m *iceberg.Metadata) (at time.Time) {
	for i := range m.Snapshots {
		if t := time.UnixMilli(m.Snapshots[i].Time); at.IsZero() || t.Before(at) {
			at = t
		}
	}
	return at
}
