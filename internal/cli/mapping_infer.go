package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/internal/atomicfile"
	"sluice/internal/documents"
	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/internal/setup"
)

// inferMemory is the memory that the collector keeps to where it can. With 10^5
// paths nearly all of it is in use, and the heap would else grow to twice that.
const inferMemory = 180 << 20

type inferFlags struct {
	output, profile        string
	records                int64
	threads                int
	examples, merge, force bool
}

func (a *app) mappingInferCommand() *cobra.Command {
	var f inferFlags
	cmd := &cobra.Command{
		Use:   "infer IN... [-o MAPPING]",
		Short: "Make a mapping from JSON",
		Long: `Reads JSON, all of it, and writes a mapping that takes every record and loses no
value: it finds the records, makes a table of each list, and chooses the types
from all values. Comments say what was seen where. IN is a file, a folder, a
pattern in quotes, s3://bucket/prefix, or - for standard input.

Of several inputs, those that are empty or broken are named, and the mapping is
made of the others. If a preset is meant for the documents, the command says so,
and what the preset leaves out. Then it prints the first rows, and the command
to type next; to standard error, if the mapping goes to standard output.

--profile writes what was seen at each path as JSON, without values of the data.
With --merge, IN are such profiles, and the mapping is made of all of them
(docs/infer.md).`,
		Example: `  sluice mapping infer orders.json -o mapping.yaml
  sluice mapping infer 'raw/**/*.json.gz' --records 1000
  sluice mapping infer --merge monday.json tuesday.json -o mapping.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.infer(cmd, f, args) },
	}
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "mapping `file` to write (default standard output)")
	cmd.Flags().Int64Var(&f.records, "records", 0, "look only at the first `N` records of each input")
	cmd.Flags().StringVar(&f.profile, "profile", "", "`file` for what was seen")
	cmd.Flags().BoolVar(&f.merge, "merge", false, "IN are profiles")
	cmd.Flags().BoolVar(&f.examples, "examples", false, "show values of the first rows in the comments")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace a file that has other content")
	cmd.Flags().IntVar(&f.threads, "threads", runtime.GOMAXPROCS(0), "goroutines that count; the result does not depend on them")
	complete(cmd, "output", completeExtension("yaml", "yml"))
	complete(cmd, "profile", completeExtension("json"))
	return withExits(cmd, "0  the mapping is made", "1  it failed: an input cannot be opened, or none is sound JSON", "2  wrong usage, or a file is there that has other content", "3  the mapping is made, but some inputs are empty or broken")
}

func (a *app) infer(cmd *cobra.Command, f inferFlags, args []string) error {
	if len(args) == 0 && !isTerminal(a.in) {
		args = []string{"-"}
	}
	if f.output == "-" {
		f.output = ""
	}
	switch {
	case len(args) == 0:
		return usage(cmd, "no input: name a file or a folder, or pipe JSON in")
	case f.records < 0:
		return usage(cmd, "--records %d must not be below 0", f.records)
	case f.threads < 1:
		return usage(cmd, "--threads %d: at least one is needed", f.threads)
	case f.profile == "-":
		return usage(cmd, "--profile needs a file: standard output is for the mapping")
	case f.merge && (f.examples || f.records > 0):
		return usage(cmd, "--merge reads profiles, so there are neither --examples nor --records")
	}
	ctx := cmd.Context()
	i := &inferring{app: a, flags: f, args: args, tell: a.out}
	if f.output == "" {
		i.tell = a.errw
	}
	defer i.close()
	var err error
	if !f.merge {
		if i.Inputs, err = a.inputs(ctx, args); err != nil {
			return err
		}
	}
	if err := i.refuseConflicts(); err != nil {
		return usage(cmd, "%w", err)
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(min(debug.SetMemoryLimit(-1), inferMemory)))
	if err := i.profile(ctx); err != nil {
		return stopped(err, "nothing was written")
	}
	// All that needs the paths, which may be many, comes before the mapping, which
	// uses them up.
	if err := i.saveProfile(cmd); err != nil {
		return err
	}
	like, err := i.Match(ctx)
	if err != nil {
		return stopped(err, "nothing was written")
	}
	if err := i.Make(); err != nil {
		return err
	}
	if err := i.ReadRows(ctx); err != nil {
		return stopped(err, "nothing was written")
	}
	text := i.Result.YAML
	if f.examples {
		text = i.Result.WithExamples(i.examples)
	}
	if err := i.write(cmd, text); err != nil {
		return err
	}
	if like, err = i.try(ctx, like); err != nil {
		return stopped(err, "the mapping is written")
	}
	i.report(like)
	if len(i.Rejected) > 0 {
		return status(exitQuarantined)
	}
	return nil
}

// inferring is one run of the command.
type inferring struct {
	*app
	documents.Inference
	flags inferFlags
	args  []string
	tell  *printer // for what is not the mapping

	saved   *atomicfile.File // the file of the profile, if one is asked for
	several bool             // inputs, before those that are broken were left out
}

// refuseConflicts refuses to write a file that is read, or one twice.
func (i *inferring) refuseConflicts() error {
	names := i.args
	if !i.flags.merge {
		names = nil
		for _, in := range i.Inputs {
			names = append(names, in.Name)
		}
	}
	written := writtenFiles{}
	for _, name := range []string{i.flags.output, i.flags.profile} {
		if name == "" {
			continue
		}
		f, err := newFile(name, "these inputs")
		if err != nil {
			return err
		}
		for _, input := range names {
			if info, err := os.Stat(input); err == nil && same(info, f.info) {
				return fmt.Errorf("%s is an input and would be overwritten; choose another name", input)
			}
		}
		if err := written.add(&f); err != nil {
			return fmt.Errorf("%s is given twice; give mapping and profile different names", name)
		}
	}
	return nil
}

// profile reads the inputs, or the profiles of --merge.
func (i *inferring) profile(ctx context.Context) (err error) {
	if i.flags.merge {
		i.Seen, err = mergeProfiles(i.args)
		return err
	}
	meter := i.inputMeter(i.Inputs)
	defer meter.end()
	i.several = len(i.Inputs) > 1
	i.Options = documents.Options{Threads: i.flags.threads, Records: i.flags.records, Progress: meter.report()}
	if err := i.Profile(ctx); err != nil {
		return err
	}
	for _, err := range i.Rejected {
		i.complain(err)
	}
	return nil
}

func mergeProfiles(names []string) (*profile.Profile, error) {
	sum := profile.New()
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open profile: %w", err)
		}
		p, err := profile.Read(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read profile %s: %w", name, err)
		}
		sum.Merge(p)
	}
	profiler.Unwrap(sum)
	return sum, nil
}

// inputMeter counts the bytes of all inputs.
func (a *app) inputMeter(inputs []documents.Input) *inputMeter {
	m := &inputMeter{meter: newMeter(a.errw)}
	for k := range inputs {
		if inputs[k].Once {
			m.all = -1
			break
		}
		m.all += inputs[k].Size
	}
	return m
}

func (i *inferring) close() {
	if i.saved != nil {
		i.saved.Abort()
	}
	for k := range i.Inputs {
		i.Inputs[k].Close()
	}
}

// examples are different values of a column in the first rows, made visible and
// cut.
func (i *inferring) examples(table, column int) (values []string) {
	if table >= len(i.Tables) {
		return nil
	}
	seen := map[string]bool{}
	for _, row := range i.Tables[table].Rows {
		if v := row[column]; !seen[v] && v != documents.Null {
			seen[v] = true
			values = append(values, value(v, maxValue))
		}
	}
	return values
}

// saveProfile writes the file of the profile, which appears together with the
// mapping.
func (i *inferring) saveProfile(cmd *cobra.Command) (err error) {
	name := i.flags.profile
	if name == "" {
		return nil
	}
	if err := i.refuseOther(cmd, name, i.Seen.Write); err != nil {
		return err
	}
	if i.saved, err = atomicfile.Create(name); err != nil {
		return err
	}
	return i.Seen.Write(i.saved)
}

// write writes the mapping, and lets the profile appear. Neither appears if one of
// them would replace something else.
func (i *inferring) write(cmd *cobra.Command, text []byte) error {
	write := func(w io.Writer) error { _, err := w.Write(text); return err }
	name := i.flags.output
	if name == "" {
		if err := write(i.out); err != nil || i.saved == nil {
			return err
		}
		return i.saved.Commit()
	}
	if err := i.refuseOther(cmd, name, write); err != nil {
		return err
	}
	f, err := atomicfile.Create(name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		return err
	}
	if i.saved != nil {
		if err := i.saved.Commit(); err != nil {
			return err
		}
	}
	return f.Commit()
}

// refuseOther refuses to replace a file by other content, but with --force.
func (i *inferring) refuseOther(cmd *cobra.Command, name string, write func(io.Writer) error) error {
	if i.flags.force {
		return nil
	}
	f, err := os.Open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("look at the file to be written: %w", err)
	}
	defer f.Close()
	c := &comparison{file: bufio.NewReader(f)}
	err = write(c)
	if _, more := c.file.ReadByte(); err == nil && more == nil {
		err = errOther
	}
	switch {
	case errors.Is(err, errOther):
		return usage(cmd, "%s is there, and has other content; --force replaces it", name)
	case err != nil:
		return fmt.Errorf("look at the file to be written: %w", err)
	}
	return nil
}

var errOther = errors.New("the file has other content")

// comparison compares what is written with a file.
type comparison struct {
	file *bufio.Reader
	is   []byte
}

func (c *comparison) Write(p []byte) (int, error) {
	c.is = slices.Grow(c.is[:0], len(p))[:len(p)]
	_, err := io.ReadFull(c.file, c.is)
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || err == nil && !bytes.Equal(c.is, p):
		return 0, errOther
	case err != nil:
		return 0, err
	}
	return len(p), nil
}

// try tries the preset on all records.
func (i *inferring) try(ctx context.Context, like *documents.Likeness) (*documents.Likeness, error) {
	meter := i.inputMeter(i.Inputs)
	defer meter.end()
	i.Progress = meter.report()
	return i.Try(ctx, like)
}

// likeness is what is to be said of a preset.
func likeness(l *documents.Likeness) string {
	takes := taken(l.Verdict)
	if l.All {
		takes = fmt.Sprintf("%s of %s", grouped(l.Taken), plural(l.Records, "record"))
	}
	text := fmt.Sprintf("This looks like %s: the preset takes %s, and finds %d of its %s.", l.Preset, takes, l.Found, plural(int64(l.Paths), "path"))
	switch left := l.LeftOut; {
	case len(left) > maxLeftOut:
		text += fmt.Sprintf(" It leaves out %s, such as %s.", plural(int64(len(left)), "path"), strings.Join(left[:maxLeftOut], ", "))
	case len(left) > 0:
		text += fmt.Sprintf(" It leaves out %s: %s.", plural(int64(len(left)), "path"), strings.Join(left, ", "))
	}
	return text
}

// maxLeftOut is how many paths are named that a preset leaves out.
const maxLeftOut = 4

// report prints what the mapping makes of the inputs, and what to type next.
func (i *inferring) report(like *documents.Likeness) {
	m, w := i.Result.Mapping, i.tell
	name := i.flags.output
	if name == "" {
		name = "mapping"
	}
	fmt.Fprintf(w, "%s: made from %s of %s, %s\n", visible(name), plural(i.Seen.Records, "record"), plural(int64(len(i.Seen.Sources)), "input"), size(float64(i.Seen.Bytes)))
	for _, place := range documents.Places(i.Seen) {
		fmt.Fprintf(w, "  %s\n", visible(place))
	}
	if i.Seen.Broken > 0 {
		fmt.Fprintf(w, "  %s cannot be read; convert will quarantine them\n", plural(i.Seen.Broken, "record"))
	}
	if len(i.Rejected) > 0 {
		fmt.Fprintf(w, "  %d of %s empty or broken: only what stands before the fault was looked at\n", len(i.Rejected), plural(int64(len(i.Seen.Sources)), "input"))
	}
	printTables(w, m)
	for t := range i.Tables {
		names, rows := shown(&i.Tables[t])
		fmt.Fprintf(w, "%s: %s of the first %s\n", m.Tables[t].Name, plural(int64(len(rows)), "row"), plural(i.Stats.RecordsRead, "record"))
		if len(rows) > 0 {
			if hidden := printValues(w, names, rows, widest(w)); hidden > 0 {
				fmt.Fprintf(w, "%d of %s not shown; sluice mapping preview --vertical shows all\n", hidden, plural(int64(len(names)), "column"))
			}
		}
	}
	if like != nil {
		fmt.Fprintf(w, "%s\n", w.wrap(0, 2, visible(likeness(like))))
		if next := i.convertWith(like.Preset, false); next != "" {
			fmt.Fprintf(w, "To use the preset (docs/presets.md):\n  %s\n", next)
		}
	}
	fmt.Fprintf(w, "Next:\n  %s\n", strings.Join(i.next(), "\n  "))
}

// widest is the width of the first rows: that of the terminal, or what an editor
// shows of a log.
func widest(w *printer) int {
	if w.width > 0 {
		return w.width
	}
	return 200
}

// next are the commands to type next.
func (i *inferring) next() []string {
	again := "sluice mapping infer "
	if i.flags.merge {
		again += "--merge "
	}
	switch {
	case i.flags.output == "":
		return []string{again + i.quoted() + " -o mapping.yaml"}
	case i.flags.merge:
		return []string{"sluice mapping check " + fileArgument(i.flags.output)}
	}
	dir, name := filepath.Split(i.flags.output)
	lake := setup.Lake(filepath.Clean(dir))
	source := filepath.Join(lake.Source.Dir, lake.Source.Prefix)
	if info, err := os.Stat(source); name == lakeMapping && err == nil && info.IsDir() {
		return i.intoLake(source, "sluice run --lake "+fileArgument(lake.Source.Dir))
	}
	return []string{i.convertWith(fileArgument(i.flags.output), len(i.Inputs) == 1 && !i.several && len(i.Result.Mapping.Tables) == 1)}
}

// intoLake are the commands that make tables of the inputs in a lake. Inputs that are no
// files, or are in its source already, are not copied there.
func (i *inferring) intoLake(source, run string) []string {
	for _, arg := range i.args {
		info, err := os.Stat(arg)
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(filepath.Clean(arg), source+string(filepath.Separator)) {
			return []string{run}
		}
	}
	return []string{"cp " + i.quoted() + " " + fileArgument(source) + "/", run}
}

func (i *inferring) quoted() string {
	var all []string
	for _, arg := range i.args {
		all = append(all, argument(arg))
	}
	return strings.Join(all, " ")
}

// convertWith is the command that converts the inputs with a mapping: to a file,
// or to a folder. For a bucket it is run, which needs a configuration.
func (i *inferring) convertWith(mapping string, toFile bool) string {
	for _, arg := range i.args {
		if strings.HasPrefix(arg, "s3://") {
			return fmt.Sprintf("SLUICE_SOURCE=%s SLUICE_MAPPING=%s sluice run --dry-run", shellQuote(arg), mapping)
		}
	}
	to := "parquet/"
	if toFile {
		to = shellQuote(documents.BaseName(i.Inputs[0].Name) + ".parquet")
	}
	return fmt.Sprintf("sluice convert %s -m %s -o %s", i.quoted(), mapping, to)
}
