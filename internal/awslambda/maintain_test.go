package awslambda

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/internal/pipeline"
	"sluice/internal/store"
)

var maintenanceEvent = json.RawMessage(`{"source":"sluice","detail-type":"Table Maintenance"}`)

// slow deletes the first left data files. At the next one it waits until its caller gives up.
type slow struct {
	store.Store
	left atomic.Int64
}

func (s *slow) Delete(ctx context.Context, key string) error {
	if strings.Contains(key, "/data/") && s.left.Add(-1) < 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return s.Store.Delete(ctx, key)
}

// The schedule of maintenance removes what nobody names. What its time was enough for is
// done; the next one goes on.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	l := newTables(t)
	invoke := func(limit time.Duration) error {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, _, err := l.Invoke(ctx, maintenanceEvent)
		return err
	}
	if err := invoke(time.Minute); err != nil {
		t.Fatalf("before there is a table: %v", err)
	}
	l.put("a.json", orders(1))
	if _, _, err := l.Invoke(t.Context(), records(created("orders", "a.json", 1))); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(l.dir, "orders_data_parquet", "order_lines")
	named := len(l.dataFiles())
	const left = 40
	for i := range left {
		name := filepath.Join(folder, "data", fmt.Sprintf("20200101T000000Z_0123456789ab-%d.parquet", i))
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-8 * 24 * time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	table := l.setup.Target.(*pipeline.Tables).Tables[0]
	fast := table.Files.Store
	for _, c := range []struct {
		removes int64
		want    string
	}{{0, "nothing was done in time"}, {3, ""}} {
		s := &slow{Store: fast}
		s.left.Store(c.removes)
		table.Files.Store = s
		err := invoke(8 * time.Second)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("with the time for %d objects: %v", c.removes, err)
		}
		if got := int64(len(l.dataFiles())); got != int64(named+left)-c.removes {
			t.Errorf("with the time for %d objects %d data files are there", c.removes, got)
		}
	}
	if !strings.Contains(l.logs.String(), "maintenance stopped in time") {
		t.Errorf("the log lacks that it stopped:\n%s", &l.logs)
	}
	table.Files.Store = fast
	if err := invoke(time.Minute); err != nil || len(l.dataFiles()) != named {
		t.Errorf("%v; %d data files, want %d", err, len(l.dataFiles()), named)
	}
	if !strings.Contains(l.logs.String(), `"objects_removed":37`) {
		t.Errorf("the log lacks what was removed:\n%s", &l.logs)
	}
	if got := l.shown()["a.json"]; got != 2 {
		t.Errorf("%d rows are shown", got)
	}
}

func TestMaintenanceWithoutTables(t *testing.T) {
	t.Parallel()
	if _, _, err := newLake(t).Invoke(t.Context(), maintenanceEvent); err == nil || !strings.Contains(err.Error(), "there are no tables") {
		t.Error(err)
	}
}
