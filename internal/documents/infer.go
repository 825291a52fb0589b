package documents

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sluice"
	"sluice/internal/fit"
	"sluice/internal/infer"
	"sluice/internal/profile"
	"sluice/internal/profiler"
	"sluice/mapping"
)

// firstRows is how many records the first rows are made of.
const firstRows = 3

// Options of reading documents.
type Options struct {
	Threads  int
	Records  int64              // of each input, after which to stop; 0: all
	Progress func(stored int64) // called with the bytes read so far of all inputs; may be nil
}

// Inference makes a mapping of inputs. Its steps are called in their order: each
// needs what the ones before it found.
type Inference struct {
	Options
	Inputs []Input // the sound ones, after Profile

	Seen     *profile.Profile
	Rejected []error // of the inputs that are empty or broken, in the order of their names
	Result   *infer.Result
	Stats    sluice.Stats // of the first rows
	Tables   []Table      // the first rows; none if no record ends near the beginning

	several bool // inputs
}

// Profile reads all inputs. One that is empty or broken is an error if it is the
// only one.
func (i *Inference) Profile(ctx context.Context) (err error) {
	all, err := read(ctx, i.Inputs, profiler.Options{Threads: i.Threads, Limits: mapping.DefaultLimits, MaxRecords: i.Records, Progress: i.Progress})
	if err != nil {
		return err
	}
	i.several = len(i.Inputs) > 1
	for _, in := range i.Inputs {
		if !slices.ContainsFunc(all.sound, func(s Input) bool { return s.Name == in.Name }) {
			in.Close()
		}
	}
	i.Seen, i.Inputs, i.Rejected = all.seen, all.sound, all.rejected
	return nil
}

// reading is what was read of inputs.
type reading struct {
	seen     *profile.Profile
	sound    []Input
	rejected []error // of the others, in the order of their names
}

// read profiles inputs. One that is empty or broken is an error if it is the only
// one; of others what stands before the fault counts.
func read(ctx context.Context, inputs []Input, opts profiler.Options) (all reading, err error) {
	rejected := map[string]bool{}
	if len(inputs) > 1 {
		opts.Rejected = func(input string, err error) {
			rejected[input] = true
			all.rejected = append(all.rejected, err)
		}
	}
	if all.seen, err = profiler.Run(ctx, profiled(inputs), opts); err != nil {
		return all, err
	}
	if opts.Records == nil {
		profiler.Unwrap(all.seen)
	}
	for _, in := range inputs {
		if !rejected[in.Name] {
			all.sound = append(all.sound, in)
		}
	}
	return all, nil
}

// profiled are inputs as the profiler takes them.
func profiled(inputs []Input) (all []profiler.Input) {
	for k := range inputs {
		all = append(all, profiler.Input{Name: inputs[k].Name, Once: inputs[k].Once, Open: inputs[k].read})
	}
	return all
}

// Places says where the records are, and where they are not, and why.
func Places(p *profile.Profile) (all []string) {
	for _, at := range p.Places {
		all = append(all, fmt.Sprintf("records at %s: %s", at.Path, strings.Join(at.Why, "; ")))
	}
	for _, at := range p.Others {
		all = append(all, fmt.Sprintf("not at %s: %s", at.Path, strings.Join(at.Why, "; ")))
	}
	return all
}

// Make makes the mapping, and uses up the paths of the profile.
func (i *Inference) Make() (err error) {
	i.Result, err = infer.Mapping(i.Seen, infer.Options{Table: i.tableName()})
	return err
}

// tableName is the name of the only input, if it can be that of a table; else the
// place of the records names it.
func (i *Inference) tableName() string {
	if len(i.Inputs) != 1 || i.several || i.Inputs[0].Once {
		return ""
	}
	for _, p := range i.Seen.Places {
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
	name := strings.Trim(strings.Map(legal, strings.ToLower(BaseName(i.Inputs[0].Name))), "_")
	if name == "" || name[0] <= '9' || len(name) > 64 {
		return ""
	}
	return name
}

// ReadRows converts the first records of the first input that has some.
func (i *Inference) ReadRows(ctx context.Context) error {
	for k := range i.Inputs {
		files := outputs{}
		err := i.Inputs[k].look(ctx, func(h *fit.Head) (err error) {
			i.Stats, err = h.Convert(ctx, i.Result.Mapping, sluice.Options{
				Codec: sluice.None, Source: i.Inputs[k].Name, MaxRecords: firstRows, Quarantine: io.Discard, Table: files.open,
			})
			return err
		})
		switch {
		case errors.Is(err, fit.ErrHeadEnds): // a first record of several MiB
			return nil
		case err == nil && i.Stats.RecordsRead == 0:
			continue
		case err == nil:
			i.Tables, err = files.tables(i.Result.Mapping, firstRows)
		}
		if err != nil {
			return fmt.Errorf("convert the first records of %s: %w", i.Inputs[k].Name, err)
		}
		return nil
	}
	return nil
}

// Likeness is a preset that is meant for the documents.
type Likeness struct {
	fit.Match
	All bool // Verdict is about all records, not only the first
}

// Match finds the preset that is meant for the documents; nil if none is. It needs
// the paths of the profile, so it comes before Make.
func (i *Inference) Match(ctx context.Context) (*Likeness, error) {
	if len(i.Inputs) == 0 {
		return nil, nil
	}
	var match fit.Match
	var ok bool
	err := i.Inputs[0].look(ctx, func(h *fit.Head) (err error) {
		match, ok, err = fit.Preset(ctx, h)
		return err
	})
	if err != nil || !ok {
		return nil, err
	}
	left, whole, err := fit.LeftOut(match.Preset, i.Seen)
	if whole {
		match.LeftOut = left
	}
	m, failed := mapping.Preset(match.Preset)
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	like := &Likeness{Match: match}
	if i.Records == 0 && len(i.Rejected) == 0 && fit.Certain(m, i.Seen) {
		like.All, like.Verdict = true, fit.Verdict{Records: i.Seen.Records, Taken: i.Seen.Records}
	}
	return like, nil
}

// Try tries the preset on all records, unless the profile says enough of them, or
// only some are looked at. If it takes
// less than nine of ten, it is meant for some of the records only.
func (i *Inference) Try(ctx context.Context, like *Likeness) (*Likeness, error) {
	if like == nil || like.All || i.Inputs[0].Once || i.Records > 0 {
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
	like.All = true
	like.Verdict = fit.Verdict{Records: all.RecordsRead, Taken: all.RecordsRead - all.RecordsQuarantined, Reasons: all.Reasons}
	return like, nil
}

// count converts all records with a preset, and throws the rows away.
func (i *Inference) count(ctx context.Context, preset string) (sum sluice.Stats, err error) {
	m, err := mapping.Preset(preset)
	if err != nil {
		return sum, err
	}
	m.Limits.QuarantineShare = 1
	var before int64 // bytes of the inputs before this one
	progress := func(stored int64) { i.Progress(before + stored) }
	if i.Progress == nil {
		progress = nil
	}
	for k := range i.Inputs {
		in := &i.Inputs[k]
		if in.Once {
			continue
		}
		src, err := in.Open(ctx)
		if err != nil {
			return sum, err
		}
		stats, err := sluice.Convert(ctx, nil, src, m, &sluice.Options{
			Codec: sluice.None, Threads: min(i.Threads, maxThreads), Source: in.Name, Size: in.Size, Quarantine: io.Discard,
			Table: discard, Progress: progress,
		})
		src.Close()
		if err != nil {
			return sum, fmt.Errorf("convert %s: %w", in.Name, err)
		}
		sum.Add(stats)
		before += in.Size
	}
	return sum, nil
}

// discard throws the rows of a table away.
func discard(string) (io.Writer, error) { return io.Discard, nil }
