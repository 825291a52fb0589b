// Package doctor looks for faults in the setup of a pipeline before they harm
// objects: missing rights, conditions that a server ignores, settings of the
// bucket, the crawler, leftovers. It is the only package that looks beyond the
// contracts of store and catalog. It writes nothing except its own probes, which
// it removes.
package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"

	"sluice/internal/catalog"
	"sluice/internal/config"
	"sluice/internal/pipeline"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/internal/store/s3store"
	"sluice/mapping"
)

// Status is the result of a check.
type Status string

// The values are a contract of the report.
const (
	OK         Status = "ok"
	Warning    Status = "warning"     // it works, and may harm
	Failed     Status = "failed"      // it does not work
	NotChecked Status = "not checked" // it could not be looked at, or there is nothing to look at
)

// Check is one check and its result.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"` // what to do about it
}

// Examine makes all checks and passes on each as soon as it is done.
func Examine(ctx context.Context, s *setup.Setup, tell func(Check)) {
	d := &doctor{s: s}
	src, err := s.Pipeline.Source(s.Config.Source.Bucket)
	if err != nil {
		tell(failed("source", err))
		return
	}
	d.places = []place{
		{"source", src, s.Config.Source},
		{"sink", s.Pipeline.Sink, s.Config.Sink},
		{"ledger", s.Ledger, s.Config.Ledger},
		{"quarantine", s.Pipeline.Quarantine, s.Config.Quarantine},
	}
	for _, c := range d.hashKey(ctx) {
		tell(c)
	}
	for _, check := range []func(context.Context) Check{
		d.mapping, d.source, d.sink, d.owner, d.quarantine, d.conditions, d.conditionsInParts,
	} {
		tell(check(ctx))
	}
	for _, c := range d.buckets(ctx) {
		tell(c)
	}
	tell(d.notifications(ctx))
	tell(d.uploads(ctx))
	for _, c := range d.catalog(ctx) {
		tell(c)
	}
	for _, c := range d.survey(ctx) {
		tell(c)
	}
	for _, c := range d.drift(ctx) {
		tell(c)
	}
}

type doctor struct {
	s      *setup.Setup
	places []place
}

// place is one of the four folders of a configuration.
type place struct {
	name string
	st   store.Store
	at   config.Location
}

func (d *doctor) place(name string) place {
	for _, p := range d.places {
		if p.name == name {
			return p
		}
	}
	return place{}
}

// bucket is the place's bucket, or nil for a folder.
func (p place) bucket() *s3store.Store {
	b, _ := p.st.(*s3store.Store)
	return b
}

func (p place) String() string { return p.st.String() + "/" + p.at.Prefix }

func ok(name, format string, args ...any) Check {
	return Check{Name: name, Status: OK, Detail: fmt.Sprintf(format, args...)}
}

func warn(name, hint, format string, args ...any) Check {
	return Check{Name: name, Status: Warning, Detail: fmt.Sprintf(format, args...), Hint: hint}
}

func notChecked(name, format string, args ...any) Check {
	return Check{Name: name, Status: NotChecked, Detail: fmt.Sprintf(format, args...)}
}

// actions are what the role of the pipeline needs in the places.
var actions = map[string]string{
	"source":     "s3:GetObject, s3:GetObjectVersion of its objects",
	"sink":       "s3:GetObject, s3:PutObject, s3:AbortMultipartUpload of its objects",
	"ledger":     "s3:GetObject, s3:PutObject of its objects",
	"quarantine": "s3:GetObject, s3:PutObject, s3:AbortMultipartUpload of its objects",
}

func failed(name string, err error) Check {
	c := Check{Name: name, Status: Failed, Detail: err.Error()}
	switch {
	case denied(err):
		c.Hint = "the role needs " + cmp.Or(actions[name], actions["ledger"]) + ", and s3:ListBucket of the bucket"
	case errors.Is(err, fs.ErrPermission):
		c.Hint = "look at the owner and the permissions of the folder"
	case errors.Is(err, syscall.EROFS):
		c.Hint = "the disk is mounted read-only; choose a folder on another disk, or mount it for writing"
	case errors.Is(err, syscall.ENOSPC):
		c.Hint = "the disk is full"
	case errors.Is(err, store.ErrKey):
		c.Hint = "choose another prefix"
	case store.IsTransient(err):
		c.Hint = "the server or the network has a problem; try again"
	}
	return c
}

// unseen is the check of a setting that could not be read.
func unseen(name string, err error, action string) Check {
	c := notChecked(name, "%v", err)
	if denied(err) {
		c.Hint = "whoever runs doctor needs " + action + "; the pipeline does not"
	}
	return c
}

// denied reports whether a server refused by its policies: S3, or Glue.
func denied(err error) bool {
	return errors.Is(err, store.ErrDenied) || catalog.CodeOf(err) == "AccessDeniedException"
}

// owner checks to which source ledger and sink belong.
func (d *doctor) owner(ctx context.Context) Check {
	const name = "owner"
	isMarked, err := d.s.CheckOwner(ctx)
	switch {
	case err != nil:
		c := failed(name, err)
		c.Hint = cmp.Or(c.Hint, "docs/ledger.md#beside-the-entries says how ledger and sink record their owner")
		return c
	case d.s.Taken() != "":
		return Check{Name: name, Status: Failed,
			Detail: fmt.Sprintf("the files in the sink are those of tables now, whose ledger is %s (seen from the ledger): nothing is written to the sink any more", d.s.Taken()),
			Hint:   "use the configuration of the tables; docs/tables.md#from-files-to-tables-and-back says how to go back"}
	case !isMarked:
		return ok(name, "the sink has no owner yet; the next commit claims it")
	}
	return ok(name, "ledger and sink belong to this source")
}

// mapping describes the mapping, which setup has read.
func (d *doctor) mapping(context.Context) Check {
	m := d.s.Pipeline.Mapping
	columns := 0
	for _, t := range m.Tables {
		columns += len(m.Schema(&t).Columns)
	}
	if prefix := d.s.Config.Source.Prefix; m.Key != "" {
		if p, err := mapping.ParseKey(m.Key); err == nil && !p.Begins(prefix) {
			return Check{Name: "mapping", Status: Failed,
				Detail: fmt.Sprintf("%s: no key under %s matches key %q, so every object is rejected (key_mismatch)", d.s.Pipeline.MappingName, prefix, m.Key),
				Hint:   fmt.Sprintf("a key has the prefix of the source: begin the pattern with %s, or with **/ for any folders, or change the source", prefix)}
		}
	}
	cautions := m.Cautions()
	// Where we write the catalog, or the table, it declares each column as the file has it.
	_, ours := d.s.Catalog.(looker)
	if _, shared := d.s.Target.(*pipeline.Tables); !ours && !shared {
		cautions = append(cautions, m.WidthCautions()...)
	}
	if len(cautions) > 0 {
		return warn("mapping", "change the mapping; of widths, look at the types of the table too", "%s: %s", d.s.Pipeline.MappingName, strings.Join(cautions, "; "))
	}
	return ok("mapping", "%s: %s, %s", d.s.Pipeline.MappingName, plural(len(m.Tables), "table"), plural(columns, "column"))
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// age is how long ago a time was, roughly.
func age(t time.Time) string {
	d := time.Since(t)
	if d > 48*time.Hour {
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
	return d.Round(time.Second).String()
}
