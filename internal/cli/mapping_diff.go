package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/documents"
	"sluice/internal/infer"
	"sluice/internal/mappingdiff"
	"sluice/internal/pipeline"
	"sluice/internal/profile"
	"sluice/mapping"
)

type diffFlags struct {
	output, report string
	threads        int
	patch, force   bool
}

func (a *app) mappingDiffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW... [--patch] [-o MAPPING]",
		Short: "Say what changed between a mapping and documents, or two mappings",
		Long: `Compares OLD, a mapping or the name of a preset, with NEW: documents, of which
it reads all, a profile that mapping infer wrote, or another mapping. OLD may
be a profile or a document too; then it is what mapping infer makes of it. NEW
can be files, folders, patterns in quotes, s3://bucket/prefix, or - for
standard input.

Each change is additive (all that was there stays as it is), widening (a
column takes more than before, and what it took) or breaking (what OLD counts
on is gone, or is something else), with the number of values and where the
first is.

--patch writes OLD, changed so that it takes NEW with nothing quarantined, to
-o or standard output. Comments and order stay. The change is tried on the
documents before it is written (docs/infer.md).`,
		Example: `  sluice mapping diff orders.yaml 'today/*.json'
  sluice mapping diff orders.yaml today.json --patch -o new.yaml
  sluice mapping diff monday.json tuesday.json --report json`,
		Args: args(2, math.MaxInt, "name a mapping, and what to compare it with: documents, a profile or another mapping"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.mappingDiff(cmd, f, args) },
	}
	cmd.Flags().BoolVar(&f.patch, "patch", false, "write the changed mapping")
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "`file` for the changed mapping (default standard output)")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a file that has other content")
	cmd.Flags().IntVar(&f.threads, "threads", runtime.GOMAXPROCS(0), "goroutines that read; the result does not depend on them")
	complete(cmd, "output", completeExtension("yaml", "yml"))
	reportFlag(cmd, &f.report)
	return withExits(cmd, "0  nothing changed, or only what is additive", "1  a change is breaking, or inputs are empty or broken; or it failed", exitWrong, "3  a change is widening, and none breaking")
}

// diffSide is one of the things that are compared.
type diffSide struct {
	name    string
	mapping *mapping.Mapping
	text    []byte // of the mapping
	seen    *profile.Profile
	inputs  []documents.Input
}

// difference is one run of the command.
type difference struct {
	*app
	flags    diffFlags
	old, new diffSide
	untried  string // why the changed mapping is not tried
	rejected int    // inputs that are empty or broken
}

func (a *app) mappingDiff(cmd *cobra.Command, f diffFlags, args []string) error {
	if f.output == "-" {
		f.output = ""
	}
	switch err := checkReport(cmd, f.report); {
	case err != nil:
		return err
	case f.threads < 1:
		return usage(cmd, "--threads %d: at least one is needed", f.threads)
	case f.output != "" && !f.patch:
		return usage(cmd, "-o is for the changed mapping; add --patch")
	case f.patch && f.output == "" && f.report == "json":
		return usage(cmd, "--report json needs standard output; give the changed mapping a file, with -o")
	}
	ctx := cmd.Context()
	c := &difference{app: a, flags: f}
	defer c.close()
	var err error
	if c.old, err = c.side(cmd, args[:1]); err != nil {
		return err
	}
	if c.new, err = c.side(cmd, args[1:]); err != nil {
		return err
	}
	if err := c.refuse(); err != nil {
		return usage(cmd, "%w", err)
	}
	if err := c.infer(ctx); err != nil {
		return stopped(err, "nothing was written")
	}
	if c.new.mapping != nil {
		if f.patch {
			return usage(cmd, "%s is a mapping already; --patch changes a mapping for documents or a profile", c.new.name)
		}
		return c.print(mappingdiff.Mappings(c.old.mapping, c.new.mapping), c.new.mapping)
	}
	r, err := c.compare(ctx)
	if err != nil {
		return stopped(err, "nothing was written")
	}
	if f.patch {
		if err := c.write(cmd, r); err != nil {
			return err
		}
	}
	return c.print(r.Changes, r.Mapping)
}

func (c *difference) close() {
	for _, s := range []*diffSide{&c.old, &c.new} {
		for k := range s.inputs {
			s.inputs[k].Close()
		}
	}
}

// side finds out what arguments are: a mapping, a profile, or documents.
func (c *difference) side(cmd *cobra.Command, args []string) (s diffSide, err error) {
	s.name = strings.Join(args, " ")
	if len(args) == 1 {
		name := args[0]
		_, missing := os.Stat(name)
		isPreset := missing != nil && slices.Contains(mapping.Presets(), name)
		if ext := strings.ToLower(filepath.Ext(name)); isPreset || ext == ".yaml" || ext == ".yml" {
			if s.mapping, err = c.loadMapping(cmd, name); err != nil {
				return s, err
			}
			if isPreset {
				s.text, err = mapping.PresetSource(name)
			} else if s.text, err = os.ReadFile(name); err != nil {
				err = fmt.Errorf("read mapping: %w", err)
			}
			return s, err
		}
		if isProfile(name) {
			s.seen, err = mergeProfiles(args)
			return s, err
		}
	}
	s.inputs, err = c.inputs(cmd.Context(), args)
	return s, err
}

// isProfile reports whether a file begins as a profile does.
func isProfile(name string) bool {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len(`{"sluice_profile":`))
	_, err = io.ReadFull(f, begin)
	return err == nil && string(begin) == `{"sluice_profile":`
}

// refuse refuses to write over what is read, but for the old mapping.
func (c *difference) refuse() error {
	if c.flags.output == "" {
		return nil
	}
	out, err := newFile(c.flags.output, "the changed mapping")
	if err != nil {
		return err
	}
	names := []string{c.new.name}
	for _, s := range []*diffSide{&c.old, &c.new} {
		for k := range s.inputs {
			names = append(names, s.inputs[k].Name)
		}
		if s.seen != nil {
			names = append(names, s.name)
		}
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && same(info, out.info) {
			return fmt.Errorf("%s is an input and would be overwritten; choose another name", name)
		}
	}
	return nil
}

// infer makes the mapping of what is old, if that is none.
func (c *difference) infer(ctx context.Context) (err error) {
	s := &c.old
	if s.mapping != nil {
		return nil
	}
	if s.seen == nil {
		opts, meter := c.read(s.inputs)
		var rejected []error
		s.seen, rejected, err = documents.Profile(ctx, s.inputs, opts)
		meter.end()
		c.reject(rejected)
		if err != nil {
			return err
		}
	}
	r, err := infer.Mapping(s.seen, infer.Options{})
	if err == nil {
		s.mapping, s.text = r.Mapping, r.YAML
	}
	return err
}

// read are the options for reading inputs. The caller ends the meter.
func (c *difference) read(inputs []documents.Input) (documents.Options, *inputMeter) {
	meter := c.inputMeter(inputs)
	return documents.Options{Threads: c.flags.threads, Progress: meter.report()}, meter
}

// compare compares the old mapping with documents or a profile.
func (c *difference) compare(ctx context.Context) (*mappingdiff.Result, error) {
	m, s := c.old.mapping, &c.new
	if s.seen != nil {
		c.untried = "a profile does not hold the documents"
		return mappingdiff.Documents(m, s.seen, nil)
	}
	opts, meter := c.read(s.inputs)
	defer meter.end()
	found, err := documents.Compare(ctx, m, s.inputs, opts)
	c.untried = found.Untried
	c.reject(found.Rejected)
	return found.Result, err
}

// reject names inputs that are empty or broken.
func (c *difference) reject(all []error) {
	for _, err := range all {
		c.complain(err)
	}
	c.rejected += len(all)
}

// write writes the changed mapping.
func (c *difference) write(cmd *cobra.Command, r *mappingdiff.Result) error {
	text, err := mappingdiff.Patch(c.old.text, c.old.mapping, r.Mapping, r.Notes)
	if err != nil {
		return err
	}
	name := c.flags.output
	if name == "" {
		_, err := c.out.Write(text)
		return err
	}
	i := &inferring{flags: inferFlags{output: name, force: c.flags.force}}
	return i.write(cmd, text)
}

// diffReport is what was found. Its JSON names are a contract.
type diffReport struct {
	Old      string               `json:"old"`
	New      string               `json:"new"`
	Class    string               `json:"class"` // the worst; none
	Additive int                  `json:"additive"`
	Widening int                  `json:"widening"`
	Breaking int                  `json:"breaking"`
	Changes  []mappingdiff.Change `json:"changes"`
	Patched  string               `json:"patched"`  // the file of the changed mapping; empty if none was written
	Tried    bool                 `json:"tried"`    // the changed mapping, on all documents
	Rejected int                  `json:"rejected"` // inputs that are empty or broken: only what stands before the fault was looked at

	Tables []pipeline.TableChange `json:"tables"` // what the changed mapping means to Iceberg tables
}

// print prints the changes, after which the mapping is next. The exit code is that of the
// worst.
func (c *difference) print(changes []mappingdiff.Change, next *mapping.Mapping) error {
	r := diffReport{
		Old: c.old.name, New: c.new.name, Class: "none", Changes: append([]mappingdiff.Change{}, changes...), Patched: c.flags.output,
		Tried: c.new.inputs != nil && c.untried == "", Rejected: c.rejected, Tables: pipeline.TableChanges(c.old.mapping, next),
	}
	for i := range changes {
		switch changes[i].Class {
		case mappingdiff.Additive:
			r.Additive++
		case mappingdiff.Widening:
			r.Widening++
		default:
			r.Breaking++
		}
	}
	worst := mappingdiff.Worst(changes)
	if worst > 0 {
		r.Class = worst.String()
	}
	if c.flags.report == "json" {
		if err := printJSON(c.out, r); err != nil {
			return err
		}
	} else {
		c.text(&r)
	}
	switch {
	case worst == mappingdiff.Breaking || c.rejected > 0:
		return status(exitFailed)
	case worst == mappingdiff.Widening:
		return status(exitQuarantined)
	}
	return nil
}

var classColors = map[mappingdiff.Class]string{mappingdiff.Additive: green, mappingdiff.Widening: yellow, mappingdiff.Breaking: red}

func (c *difference) text(r *diffReport) {
	w := c.out
	if c.flags.patch && c.flags.output == "" {
		w = c.errw
	}
	rejected := func() {
		if r.Rejected > 0 {
			fmt.Fprintf(w, "  inputs that are empty or broken: %d; only what stands before the fault was looked at\n", r.Rejected)
		}
	}
	if len(r.Changes) == 0 {
		fmt.Fprintf(w, "%s and %s: nothing differs\n", visible(r.Old), visible(r.New))
		rejected()
		return
	}
	fmt.Fprintf(w, "%s and %s: %d breaking, %d widening, %d additive\n", visible(r.Old), visible(r.New), r.Breaking, r.Widening, r.Additive)
	rejected()
	for i := range r.Changes {
		x := &r.Changes[i]
		w.sentence(x.Class.String(), classColors[x.Class], visible(x.Text()))
		if where := whereText(x); where != "" {
			fmt.Fprintf(w, "  %s\n", w.wrap(2, 4, visible(where)))
		}
		if x.Patch != "" {
			fmt.Fprintf(w, "  %s\n", w.wrap(2, 4, "patch: "+visible(x.Patch)))
		}
	}
	for _, t := range r.Tables {
		for _, what := range t.Taken {
			fmt.Fprintf(w, "%s\n", w.wrap(0, 2, visible(fmt.Sprintf("an Iceberg table %s takes the change: %s", t.Table, what))))
		}
		for _, what := range t.Held {
			fmt.Fprintf(w, "%s\n", w.wrap(0, 2, visible(fmt.Sprintf("an Iceberg table %s holds the change: %s", t.Table, what))))
		}
	}
	switch {
	case r.Patched != "":
		fmt.Fprintf(w, "%s: the changed mapping", visible(r.Patched))
		if c.untried != "" {
			fmt.Fprintf(w, ", not tried: %s", c.untried)
		}
		fmt.Fprintln(w)
	case !c.flags.patch && slices.ContainsFunc(r.Changes, func(x mappingdiff.Change) bool { return x.Patch != "" }):
		fmt.Fprintf(w, "Next:\n  sluice mapping diff %s %s --patch -o mapping.yaml\n", fileArgument(r.Old), c.new.quoted())
	}
}

func (s *diffSide) quoted() string {
	if len(s.inputs) == 0 {
		return fileArgument(s.name)
	}
	return s.name
}

// whereText says how often it is so, and where first.
func whereText(x *mappingdiff.Change) string {
	text := ""
	if x.Values > 0 {
		text = plural(x.Values, "value")
	}
	if x.First != nil {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("first in %s at byte %d", x.First.Source, x.First.Offset)
	}
	return text
}
