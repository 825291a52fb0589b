package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice/internal/store"
)

func TestIdentity(t *testing.T) {
	at := time.Date(2024, 1, 10, 12, 0, 0, 0, time.UTC)
	info := store.Info{Key: "key", Size: 7, ETag: "abc", Modified: at.In(time.FixedZone("", 3600))}
	if got, want := info.Identity(), "etag:abc:7:2024-01-10T12:00:00Z"; got != want || info.State() != want {
		t.Errorf("identity %q, state %q, want %q", got, info.State(), want)
	}
	info.VersionID = "v1"
	if got := info.Identity(); got != "version:v1" {
		t.Errorf("identity %q", got)
	}
	if got := info.State(); got != "etag:abc:7:2024-01-10T12:00:00Z" {
		t.Errorf("a version changes the state: %q", got)
	}
}

func TestIsRace(t *testing.T) {
	for cause, want := range map[error]bool{
		store.ErrPrecondition: true, store.ErrConflict: true, store.ErrChanged: true,
		store.ErrNotFound: false, store.ErrDenied: false, context.Canceled: false,
	} {
		err := fmt.Errorf("write: %w", &store.Error{Op: "commit", Location: "key", Err: fmt.Errorf("said so: %w", cause)})
		if store.IsRace(err) != want {
			t.Errorf("%v: %t", err, !want)
		}
	}
}

func TestPrecondition(t *testing.T) {
	for _, test := range []struct {
		name                 string
		p                    store.Precondition
		absent, same, others bool // what it says of these current states
	}{
		{"none given", store.Precondition{}, false, false, false},
		{"IfNoneMatch", store.IfNoneMatch(), true, false, false},
		{"IfMatch", store.IfMatch("e"), false, true, false},
		{"IfMatch of nothing", store.IfMatch(""), false, false, false},
		{"Unconditional", store.Unconditional(), true, true, true},
	} {
		if got := test.p.Holds("", false); got != test.absent {
			t.Errorf("%s, no object: %t", test.name, got)
		}
		if got := test.p.Holds("e", true); got != test.same {
			t.Errorf("%s, same ETag: %t", test.name, got)
		}
		if got := test.p.Holds("f", true); got != test.others {
			t.Errorf("%s, other ETag: %t", test.name, got)
		}
		if got := test.p.Holds("", true); got != test.others {
			t.Errorf("%s, empty ETag: %t", test.name, got)
		}
		if test.p.Never() == (test.absent || test.same || test.others) {
			t.Errorf("%s: Never is %t", test.name, test.p.Never())
		}
	}
}

func TestError(t *testing.T) {
	err := fmt.Errorf("process: %w", &store.Error{Op: "head", Location: "s3://b/a\nb", Err: io.ErrUnexpectedEOF, Transient: true})
	if got, want := err.Error(), `process: head "s3://b/a\nb": unexpected EOF`; got != want {
		t.Errorf("error text %s, want %s", got, want)
	}
	if !store.IsTransient(err) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the error is not transient, or hides its cause")
	}
	for _, err := range []error{nil, io.ErrUnexpectedEOF, context.Canceled, &store.Error{Err: io.ErrUnexpectedEOF}} {
		if store.IsTransient(err) {
			t.Errorf("%v is said to be transient", err)
		}
	}
}

// A key that passes has no segment that a path could climb by, and a value of
// metadata none that could end a header.
func TestCheck(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a./]{0,10}`)).Draw(r, "key")
		if store.CheckKey(key) == nil && (key == "" || len(key) > 1024 || strings.Contains("/"+key+"/", "/../") || strings.Contains("/"+key+"/", "/./")) {
			r.Fatalf("%q passes", key)
		}
		value := rapid.String().Draw(r, "value")
		if store.CheckMeta(map[string]string{"a": value}) == nil && (strings.ContainsAny(value, "\r\n\x00") || strings.TrimSpace(value) != value) {
			r.Fatalf("%q passes", value)
		}
	})
}
