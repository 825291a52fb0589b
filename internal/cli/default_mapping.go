package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sluice/internal/event"
	"sluice/internal/fit"
	"sluice/internal/setup"
	"sluice/internal/store"
	"sluice/mapping"
)

// isUnnamed reports whether neither a flag nor the environment names a mapping.
// Then the default is used, if it fits.
func (a *app) isUnnamed(name string) bool { return name == "" && a.getenv("SLUICE_MAPPING") == "" }

// refuseDefault returns an error if the default mapping is not meant for an
// input. The input is then read from its beginning, as if nothing had happened.
func refuseDefault(ctx context.Context, src *source, input string) error {
	_, unfit, err := judge(ctx, src.head(), input)
	if err == nil && unfit != nil {
		err = unfit
	}
	return err
}

// judge says how the default mapping fits an input; unfit is nil if it is meant
// for it.
func judge(ctx context.Context, h *fit.Head, input string) (v fit.Verdict, unfit *unfitError, err error) {
	v, fits, err := fit.Default(ctx, h)
	if err != nil || fits {
		return v, nil, err
	}
	unfit = &unfitError{input: input, verdict: v}
	unfit.preset, unfit.matches, err = fit.Preset(ctx, h)
	return v, unfit, err
}

// fitObjects is how many objects of a source are looked at.
const fitObjects = 10

// refuseDefaultOf returns an error if no mapping is named, and the default is not
// meant for a source. The first run of a ledger decides: it looks at the first
// objects, and one that fits is enough. Later runs go on with the mapping of the
// first, whatever they find.
func (a *app) refuseDefaultOf(cmd *cobra.Command, s *setup.Setup) error {
	ctx := cmd.Context()
	if s.Config.Mapping != "" {
		return nil
	}
	if isOwned, err := s.IsOwned(ctx); isOwned || err != nil {
		return err
	}
	source, err := s.Pipeline.Source(s.Config.Source.Bucket)
	if err != nil {
		return err
	}
	var unfit error
	looked, enough := 0, errors.New("enough")
	err = source.List(ctx, s.Config.Source.Prefix, func(info store.Info) error {
		if s.Listed(info).Action != event.Process {
			return nil
		}
		if looked++; looked > fitObjects {
			return enough
		}
		object, err := source.Open(ctx, info.Key)
		if err != nil {
			return nil //nolint:nilerr // the run says what is wrong with it
		}
		defer object.Close()
		v, no, err := judge(ctx, fit.NewHead(object), s.Config.Source.Name(info.Key))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || v.Records == 0:
			return nil
		case no == nil:
			unfit = nil
			return enough
		}
		if unfit == nil {
			unfit = fmt.Errorf("run, object %q: %w", info.Key, no)
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, enough):
		return stopped(err, "nothing was processed")
	case unfit != nil:
		return usage(cmd, "%w", unfit)
	}
	return nil
}

// head is the beginning of the input, which is not lost by reading it.
func (s *source) head() *fit.Head {
	if f, ok := s.Reader.(*os.File); ok {
		return fit.NewHead(io.NewSectionReader(f, 0, s.size))
	}
	h := fit.NewHead(s.Reader)
	s.Reader = h
	return h
}

// unfitError says that no mapping was named, and the default is not meant for the
// input.
type unfitError struct {
	input   string
	verdict fit.Verdict
	preset  fit.Match
	matches bool // preset does
}

func (e *unfitError) Error() string {
	text := fmt.Sprintf("no mapping was named, and the default, %s, takes %s (%s)", mapping.DefaultPreset, taken(e.verdict), countsOf(e.verdict.Reasons))
	if p := &e.preset; e.matches {
		text += fmt.Sprintf("; it looks like %s: -m %[1]s takes %s and finds %d of its %s", p.Preset, taken(p.Verdict), p.Found, plural(int64(p.Paths), "path"))
	}
	return text
}

func taken(v fit.Verdict) string {
	if v.Records < fit.Records {
		return fmt.Sprintf("%d of %s", v.Taken, plural(v.Records, "record"))
	}
	return fmt.Sprintf("%d of the first %s", v.Taken, plural(v.Records, "record"))
}

// hint is what to do about it.
func (e *unfitError) hint() string {
	if e.matches {
		return fmt.Sprintf("add -m %s; docs/presets.md says what its tables hold", e.preset.Preset)
	}
	return fmt.Sprintf("sluice mapping infer %s -o mapping.yaml makes a mapping of it; then add -m mapping.yaml", argument(e.input))
}
