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
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/internal/atomicfile"
	"sluice/internal/fit"
	"sluice/internal/infer"
	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/mapping"
)

// inferMemory is the memory that the collector keeps to where it can. With 10^5
// paths nearly all of it is in use, and the heap would else grow to twice that.
const inferMemory = 180 << 20

// inferRows is how many records the first rows are made of.
const inferRows = 3

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
	i := &inference{app: a, flags: f, args: args, tell: a.out}
	if f.output == "" {
		i.tell = a.errw
	}
	defer i.close()
	var err error
	if !f.merge {
		if i.inputs, err = a.inputs(ctx, args); err != nil {
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
	like, err := i.match(ctx)
	if err != nil {
		return stopped(err, "nothing was written")
	}
	if i.result, err = infer.Mapping(i.seen, infer.Options{Table: i.tableName()}); err != nil {
		return err
	}
	if err := i.readRows(ctx); err != nil {
		return stopped(err, "nothing was written")
	}
	text := i.result.YAML
	if f.examples {
		text = i.result.WithExamples(i.examples)
	}
	if err := i.write(cmd, text); err != nil {
		return err
	}
	if like, err = i.try(ctx, like); err != nil {
		return stopped(err, "the mapping is written")
	}
	i.report(like)
	if i.rejected > 0 {
		return status(exitQuarantined)
	}
	return nil
}

// inference is one run of the command.
type inference struct {
	*app
	flags  inferFlags
	args   []string
	tell   *printer // for what is not the mapping
	inputs []input

	seen  *profile.Profile
	saved *atomicfile.File // its file, if one is asked for

	several  bool // inputs
	rejected int  // inputs that are broken, and not among them any more
	result   *infer.Result
	stats    sluice.Stats // of the first rows
	rows     []firstRows  // of each table
}

// firstRows are of one table.
type firstRows struct {
	names []string
	rows  [][]string
}

// refuseConflicts refuses to write a file that is read, or one twice.
func (i *inference) refuseConflicts() error {
	names := i.args
	if !i.flags.merge {
		names = nil
		for _, in := range i.inputs {
			names = append(names, in.name)
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
func (i *inference) profile(ctx context.Context) (err error) {
	if i.flags.merge {
		i.seen, err = mergeProfiles(i.args)
		return err
	}
	meter := i.meter()
	defer meter.end()
	opts := profiler.Options{Threads: i.flags.threads, Limits: mapping.DefaultLimits, MaxRecords: i.flags.records, Progress: meter.report()}
	var all []profiler.Input
	for k := range i.inputs {
		all = append(all, profiler.Input{Name: i.inputs[k].name, Once: i.inputs[k].once, Open: i.inputs[k].read})
	}
	rejected := map[string]error{}
	if len(i.inputs) > 1 {
		opts.Rejected = func(input string, err error) { rejected[input] = err }
	}
	i.seen, err = profiler.Run(ctx, all, opts)
	if err != nil {
		return err
	}
	profiler.Unwrap(i.seen)
	i.several = len(i.inputs) > 1
	sound := i.inputs[:0]
	for _, in := range i.inputs {
		if err := rejected[in.name]; err != nil {
			i.complain(err)
			i.rejected++
			in.close()
			continue
		}
		sound = append(sound, in)
	}
	i.inputs = sound
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

// meter counts the bytes of all inputs.
func (i *inference) meter() *inputMeter {
	m := &inputMeter{meter: newMeter(i.errw)}
	for k := range i.inputs {
		if i.inputs[k].once {
			m.all = -1
			break
		}
		m.all += i.inputs[k].size
	}
	return m
}

func (i *inference) close() {
	if i.saved != nil {
		i.saved.Abort()
	}
	for k := range i.inputs {
		i.inputs[k].close()
	}
}

// tableName is the name of the only input, if it can be that of a table; else the
// place of the records names it.
func (i *inference) tableName() string {
	if len(i.inputs) != 1 || i.several || i.inputs[0].once {
		return ""
	}
	for _, p := range i.seen.Places {
		if strings.Contains(p.Path, "$.") {
			return ""
		}
	}
	legal := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}
	name := strings.Trim(strings.Map(legal, strings.ToLower(baseName(i.inputs[0].name))), "_")
	if name == "" || name[0] <= '9' || len(name) > 64 {
		return ""
	}
	return name
}

// readRows converts the first records of the first input that has some.
func (i *inference) readRows(ctx context.Context) error {
	m := i.result.Mapping
	for k := range i.inputs {
		files := map[string]*bytes.Buffer{}
		err := i.inputs[k].look(ctx, func(h *fit.Head) (err error) {
			i.stats, err = h.Convert(ctx, m, sluice.Options{
				Codec: sluice.None, Source: i.inputs[k].name, MaxRecords: inferRows, Quarantine: io.Discard,
				Table: func(name string) (io.Writer, error) {
					files[name] = &bytes.Buffer{}
					return files[name], nil
				},
			})
			return err
		})
		switch {
		case errors.Is(err, fit.ErrHeadEnds): // a first record of several MiB
			return nil
		case err != nil:
			return fmt.Errorf("convert the first records of %s: %w", i.inputs[k].name, err)
		case i.stats.RecordsRead == 0:
			continue
		}
		i.rows = nil
		for t := range m.Tables {
			data := files[m.Tables[t].Name].Bytes()
			names, rows, err := readRows(bytes.NewReader(data), int64(len(data)), inferRows)
			if err != nil {
				return fmt.Errorf("convert the first records of %s: %w", i.inputs[k].name, err)
			}
			i.rows = append(i.rows, firstRows{names, rows})
		}
		return nil
	}
	return nil
}

// examples are different values of a column in the first rows, made visible and
// cut.
func (i *inference) examples(table, column int) (values []string) {
	if table >= len(i.rows) {
		return nil
	}
	seen := map[string]bool{}
	for _, row := range i.rows[table].rows {
		if v := row[column]; !seen[v] && v != "NULL" {
			seen[v] = true
			values = append(values, value(v, maxValue))
		}
	}
	return values
}

// saveProfile writes the file of the profile, which appears together with the
// mapping.
func (i *inference) saveProfile(cmd *cobra.Command) (err error) {
	name := i.flags.profile
	if name == "" {
		return nil
	}
	if err := i.refuseOther(cmd, name, i.seen.Write); err != nil {
		return err
	}
	if i.saved, err = atomicfile.Create(name); err != nil {
		return err
	}
	return i.seen.Write(i.saved)
}

// write writes the mapping, and lets the profile appear. Neither appears if one of
// them would replace something else.
func (i *inference) write(cmd *cobra.Command, text []byte) error {
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
func (i *inference) refuseOther(cmd *cobra.Command, name string, write func(io.Writer) error) error {
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

// likeness is a preset that is meant for the documents.
type likeness struct {
	fit.Match
	takes string // how many records it takes, for people
}

// match finds the preset that is meant for the documents; nil if none is.
func (i *inference) match(ctx context.Context) (*likeness, error) {
	if len(i.inputs) == 0 {
		return nil, nil
	}
	var match fit.Match
	var ok bool
	err := i.inputs[0].look(ctx, func(h *fit.Head) (err error) {
		match, ok, err = fit.Preset(ctx, h)
		return err
	})
	if err != nil || !ok {
		return nil, err
	}
	left, whole, err := fit.LeftOut(match.Preset, i.seen)
	if whole {
		match.LeftOut = left
	}
	return &likeness{match, taken(match.Verdict)}, err
}

// try tries the preset on all records, unless only some are looked at. If it takes
// less than nine of ten, it is meant for some of the records only.
func (i *inference) try(ctx context.Context, like *likeness) (*likeness, error) {
	if like == nil || i.inputs[0].once || i.flags.records > 0 {
		return like, nil
	}
	all, err := i.count(ctx, like.Preset)
	reject := new(sluice.RejectError)
	switch {
	case errors.As(err, &reject), err == nil && 10*all.RecordsQuarantined > all.RecordsRead:
		return nil, nil
	case err != nil:
		return nil, err
	}
	like.takes = fmt.Sprintf("%s of %s", grouped(all.RecordsRead-all.RecordsQuarantined), plural(all.RecordsRead, "record"))
	return like, nil
}

// text is what is to be said of the preset.
func (l *likeness) text() string {
	text := fmt.Sprintf("This looks like %s: the preset takes %s, and finds %d of its %s.", l.Preset, l.takes, l.Found, plural(int64(l.Paths), "path"))
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

// count converts all records with a preset, and throws the rows away.
func (i *inference) count(ctx context.Context, preset string) (sum sluice.Stats, err error) {
	m, err := mapping.Preset(preset)
	if err != nil {
		return sum, err
	}
	m.Limits.QuarantineShare = 1
	meter := i.meter()
	defer meter.end()
	for k := range i.inputs {
		in := &i.inputs[k]
		if in.once {
			continue
		}
		src, err := in.open(ctx)
		if err != nil {
			return sum, err
		}
		stats, err := sluice.Convert(ctx, nil, src, m, &sluice.Options{
			Codec: sluice.None, Threads: min(i.flags.threads, maxThreads), Source: in.name, Size: in.size, Quarantine: io.Discard,
			Table: func(string) (io.Writer, error) { return io.Discard, nil }, Progress: meter.report(),
		})
		src.Close()
		if err != nil {
			return sum, fmt.Errorf("convert %s: %w", in.name, err)
		}
		sum.Add(stats)
		meter.next(in.size)
	}
	return sum, nil
}

// report prints what the mapping makes of the inputs, and what to type next.
func (i *inference) report(like *likeness) {
	m, w := i.result.Mapping, i.tell
	name := i.flags.output
	if name == "" {
		name = "mapping"
	}
	fmt.Fprintf(w, "%s: made from %s of %s, %s\n", visible(name), plural(i.seen.Records, "record"), plural(int64(len(i.seen.Sources)), "input"), size(float64(i.seen.Bytes)))
	for _, p := range i.seen.Places {
		fmt.Fprintf(w, "  records at %s: %s\n", visible(p.Path), visible(strings.Join(p.Why, "; ")))
	}
	for _, p := range i.seen.Others {
		fmt.Fprintf(w, "  not at %s: %s\n", visible(p.Path), visible(strings.Join(p.Why, "; ")))
	}
	if i.seen.Broken > 0 {
		fmt.Fprintf(w, "  %s cannot be read; convert will quarantine them\n", plural(i.seen.Broken, "record"))
	}
	if i.rejected > 0 {
		fmt.Fprintf(w, "  %d of %s empty or broken: only what stands before the fault was looked at\n", i.rejected, plural(int64(len(i.seen.Sources)), "input"))
	}
	printTables(w, m)
	for t := range i.rows {
		rows := i.rows[t].rows
		fmt.Fprintf(w, "%s: %s of the first %s\n", m.Tables[t].Name, plural(int64(len(rows)), "row"), plural(i.stats.RecordsRead, "record"))
		if len(rows) > 0 {
			if hidden := printValues(w, i.rows[t].names, rows, widest(w)); hidden > 0 {
				fmt.Fprintf(w, "%d of %s not shown; sluice mapping preview --vertical shows all\n", hidden, plural(int64(len(i.rows[t].names)), "column"))
			}
		}
	}
	if like != nil {
		fmt.Fprintf(w, "%s\n", w.wrap(0, 2, visible(like.text())))
		if next := i.convertWith(like.Preset, false); next != "" {
			fmt.Fprintf(w, "To use the preset (docs/presets.md):\n  %s\n", next)
		}
	}
	fmt.Fprintf(w, "Next:\n  %s\n", i.next())
}

// widest is the width of the first rows: that of the terminal, or what an editor
// shows of a log.
func widest(w *printer) int {
	if w.width > 0 {
		return w.width
	}
	return 200
}

// next is the command to type next.
func (i *inference) next() string {
	again := "sluice mapping infer "
	if i.flags.merge {
		again += "--merge "
	}
	switch {
	case i.flags.output == "":
		return again + i.quoted() + " -o mapping.yaml"
	case i.flags.merge:
		return "sluice mapping check " + fileArgument(i.flags.output)
	}
	return i.convertWith(fileArgument(i.flags.output), len(i.inputs) == 1 && !i.several && len(i.result.Mapping.Tables) == 1)
}

func (i *inference) quoted() string {
	var all []string
	for _, arg := range i.args {
		all = append(all, argument(arg))
	}
	return strings.Join(all, " ")
}

// convertWith is the command that converts the inputs with a mapping: to a file,
// or to a folder. For a bucket it is run, which needs a configuration.
func (i *inference) convertWith(mapping string, toFile bool) string {
	for _, arg := range i.args {
		if strings.HasPrefix(arg, "s3://") {
			return fmt.Sprintf("SLUICE_SOURCE=%s SLUICE_MAPPING=%s sluice run --dry-run", shellQuote(arg), mapping)
		}
	}
	to := "parquet/"
	if toFile {
		to = shellQuote(baseName(i.inputs[0].name) + ".parquet")
	}
	return fmt.Sprintf("sluice convert %s -m %s -o %s", i.quoted(), mapping, to)
}
