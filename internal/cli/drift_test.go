package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/internal/servertest"
)

// A path that is new is an event, once: not for each object, and not for each run.
// doctor lists it, until the mapping names it.
func TestDriftEvents(t *testing.T) {
	server := servertest.Moto(t)
	server.Setenv(t)
	sent := server.KeepEvents(t, "sluice")
	dir := t.TempDir()
	raw := filepath.Join(dir, "lake", "raw_orders_data")
	if err := os.MkdirAll(raw, 0o777); err != nil {
		t.Fatal(err)
	}
	const columns = "table: t\ncolumns:\n  - {name: id, path: $.id, type: int64}\n"
	write(t, dir, "m.yaml", columns)
	file := write(t, dir, "sluice.yaml", "source: "+raw+"\nmapping: "+dir+"/m.yaml\nevent_bus: "+server.DefaultBus()+"\n")
	ran := func(says string, events int) {
		t.Helper()
		code, stdout, stderr := run(t, t.Context(), nil, "run", "-c", file)
		if code != 0 || stderr != "" || !strings.Contains(stdout, says) || strings.Contains(stdout, "  new ") != strings.Contains(says, "  new ") {
			t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
		}
		if n := sent(); n != events {
			t.Errorf("%d events were sent, want %d", n, events)
		}
	}
	write(t, raw, "a.json", `[{"id":1}]`)
	ran("1 committed", 0)
	write(t, raw, "b.json", `[{"id":1,"phone":"1"}]`)
	write(t, raw, "c.json", `[{"id":1,"phone":"2"},{"id":2,"phone":"3"}]`)
	ran("  new      1 path that no object had before", 1)
	write(t, raw, "d.json", `[{"id":1,"phone":"4"}]`)
	ran("1 committed", 1)
	write(t, raw, "e.json", `[{"id":1,"phone":"4","fax":"5"}]`)
	ran("  new      1 path that no object had before", 2)
	ran("5 duplicate", 2)

	doctor := func() string {
		t.Helper()
		_, stdout, _ := run(t, t.Context(), nil, "doctor", "-c", file)
		return stdout
	}
	if told := doctor(); !strings.Contains(told, "$.phone is unknown since 20") || !strings.Contains(told, `$.fax is unknown since 20`) || !strings.Contains(told, `e.json"`) {
		t.Errorf("doctor:\n%s", told)
	}
	write(t, dir, "m.yaml", columns+"  - {name: phone, path: $.phone, type: string}\n")
	if told := doctor(); strings.Contains(told, "$.phone") || !strings.Contains(told, "$.fax is unknown") || !strings.Contains(told, "with another mapping than now") {
		t.Errorf("doctor, after the mapping has changed:\n%s", told)
	}

	// Who cannot be told does no harm, and is told later.
	t.Setenv("AWS_ENDPOINT_URL_EVENTBRIDGE", "http://127.0.0.1:1")
	write(t, raw, "f.json", `[{"id":1,"mail":"5"}]`)
	code, stdout, stderr := run(t, t.Context(), nil, "run", "-c", file)
	if code != 0 || !strings.Contains(stdout, "1 committed") || !strings.Contains(stderr, "announce drift: send 1 events to ") {
		t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
	}
	if told := doctor(); !strings.Contains(told, "no event could be sent yet") {
		t.Errorf("doctor:\n%s", told)
	}
}
