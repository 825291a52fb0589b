package setup

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"sluice/internal/config"
	"sluice/internal/ledger"
	"sluice/internal/pipeline"
	"sluice/internal/store"
)

// ownership is what is known of the owner of ledger and sink.
type ownership struct {
	mu       sync.Mutex
	mine     ledger.Owner // the places as the configuration names them
	ledgerAt string       // where the ledger is, as seen from the sink
	sinkAt   string       // the folder of the disk that the sink is
	isMarked bool         // the sink is known to belong to this ledger
	isKnown  bool         // the other fields are valid
	owner    ledger.Owner
	etag     string
}

// Own makes sure that ledger and sink belong to this configuration, and claims
// them if they have no owner. Another name of the same place counts as that
// place; another source is a [ledger.OwnerError].
func (s *Setup) Own(ctx context.Context) error {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	for {
		err := s.adopt(ctx)
		if err == nil && s.owned.owner.Taken != "" {
			return &ledger.OwnerError{Text: fmt.Sprintf("the files in the sink %s are those of tables now, whose ledger is %s (seen from the ledger %s): use the configuration of the tables, or give the files a sink and a ledger of their own",
				s.Config.Sink, s.owned.owner.Taken, s.Config.Ledger)}
		}
		if err == nil {
			return s.ownSink(ctx, s.owned.owner, s.OldSink == "")
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		isUsed, err := s.claimable(ctx)
		if err != nil {
			return err
		}
		if err := s.ownSink(ctx, s.owned.mine, isUsed); err != nil {
			return err
		}
		_, err = s.Pipeline.Ledger.PutOwner(ctx, s.owned.mine, store.IfNoneMatch())
		if err != nil && !store.IsRace(err) {
			return err
		}
	}
}

// IsOwned reports whether the ledger has an owner, which is this configuration:
// a run or an event was before.
func (s *Setup) IsOwned(ctx context.Context) (bool, error) {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	err := s.adopt(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// adopt reads the owner, and uses its names for the places.
func (s *Setup) adopt(ctx context.Context) error {
	if s.owned.isKnown {
		return nil
	}
	owner, etag, err := s.Pipeline.Ledger.Owner(ctx)
	if err != nil {
		return err
	}
	mine := s.owned.mine
	inside, ok := strings.CutPrefix(mine.Source.At, owner.Source.At)
	if !ok {
		return &ledger.OwnerError{Text: fmt.Sprintf("the ledger %s belongs to the source %s (seen from the ledger), but the source is %s: give this source a ledger and a sink of its own, or name that source",
			s.Config.Ledger, owner.Source.At, mine.Source.At)}
	}
	if err := s.sameFormat(owner); err != nil {
		return err
	}
	if err := s.rename(owner, inside); err != nil {
		return err
	}
	s.owned.owner, s.owned.etag, s.owned.isKnown = owner, etag, true
	if owner.Sink.At != mine.Sink.At {
		s.OldSink = owner.Sink.At
	}
	return nil
}

// sameFormat makes sure that the configuration wants the kind of outputs that the
// ledger is of. A folder that nothing else is said about keeps its kind.
func (s *Setup) sameFormat(owner ledger.Owner) error {
	mine := &s.Config.Table
	switch {
	case owner.Table == mine.Format:
	case mine.Format == "" && s.stores.lake != "":
		mine.Format, mine.Catalog = owner.Table, "file"
	case owner.Table == "":
		return &ledger.OwnerError{Text: fmt.Sprintf("the ledger %s is of a sink with a file for each object, but the configuration wants tables (table.format): give the tables a ledger and a sink of their own", s.Config.Ledger)}
	default:
		return &ledger.OwnerError{Text: fmt.Sprintf("the ledger %s is of %s tables, but the configuration wants a file for each object: write table: {format: %[2]s}", s.Config.Ledger, owner.Table)}
	}
	return nil
}

// rename gives the folders the names that the ledger has for them.
func (s *Setup) rename(owner ledger.Owner, inside string) error {
	c := &s.Config
	if prefix := owner.Source.Prefix + inside; c.Source.Bucket != owner.Source.Bucket || c.Source.Prefix != prefix {
		root, err := s.stores.above(c.Source, prefix)
		if err != nil {
			return fmt.Errorf("open source: %w", err)
		}
		c.Source = config.Location{Bucket: owner.Source.Bucket, Dir: root.String(), Prefix: prefix}
		s.Pipeline.Source = func(bucket string) (store.Store, error) {
			if bucket != owner.Source.Bucket {
				return nil, fmt.Errorf("open source: it is a folder that the ledger knows as bucket %q, but the event names %q", owner.Source.Bucket, bucket)
			}
			return root, nil
		}
		s.Allow = Allow(*c)
	}
	if s.owned.mine.Sink.At == owner.Sink.At && c.Sink.Prefix != owner.Sink.Prefix {
		root, err := s.stores.above(c.Sink, owner.Sink.Prefix)
		if err != nil {
			return fmt.Errorf("open sink: %w", err)
		}
		c.Sink.Dir, c.Sink.Prefix = root.String(), owner.Sink.Prefix
		s.Pipeline.Sink, s.Pipeline.SinkPrefix = root, owner.Sink.Prefix
	}
	return nil
}

// Moved notes in the ledger that all outputs are now in the sink of the
// configuration.
func (s *Setup) Moved(ctx context.Context) error {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	owner := s.owned.owner
	owner.Sink = s.owned.mine.Sink
	etag, err := s.Pipeline.Ledger.PutOwner(ctx, owner, store.IfMatch(s.owned.etag))
	if err != nil {
		return err
	}
	s.owned.owner, s.owned.etag, s.OldSink = owner, etag, ""
	return nil
}

// Taken is where the ledger of the tables is that have taken the files of the sink, as
// seen from the ledger; empty if none have. It is known after Own or CheckOwner.
func (s *Setup) Taken() string {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	return s.owned.owner.Taken
}

// GiveTo notes in the ledger that the files in the sink are those of the tables of to,
// so that nobody writes to the sink any more.
func (s *Setup) GiveTo(ctx context.Context, to *Setup) error {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	if err := s.adopt(ctx); err != nil {
		return err
	}
	owner := s.owned.owner
	at := s.stores.where(to.Config.Ledger, s.Config.Ledger)
	switch {
	case owner.Taken == at:
		return nil
	case owner.Taken != "":
		return &ledger.OwnerError{Text: fmt.Sprintf("the files in the sink %s are those of other tables, whose ledger is %s (seen from the ledger %s)", s.Config.Sink, owner.Taken, s.Config.Ledger)}
	case s.OldSink != "":
		return &ledger.OwnerError{Text: fmt.Sprintf("the sink of the ledger %s was %s (seen from the ledger), and not all of its files are in %s yet: run sluice run --reprocess first", s.Config.Ledger, s.OldSink, s.Config.Sink)}
	}
	owner.Taken = at
	etag, err := s.Pipeline.Ledger.PutOwner(ctx, owner, store.IfMatch(s.owned.etag))
	if err != nil {
		return err
	}
	s.owned.owner, s.owned.etag = owner, etag
	return nil
}

// places are those of the configuration.
func (s *Setup) places() ledger.Owner {
	c := s.Config
	return ledger.Owner{
		Source: ledger.Place{At: s.stores.where(c.Source, c.Ledger), Bucket: c.Source.Bucket, Prefix: c.Source.Prefix},
		Sink:   ledger.Place{At: s.stores.where(c.Sink, c.Ledger), Prefix: c.Sink.Prefix},
		Table:  c.Table.Format,
	}
}

// claimable makes sure that all entries of an unclaimed ledger are of this
// source, under its present names.
func (s *Setup) claimable(ctx context.Context) (isUsed bool, err error) {
	c := s.Config.Source
	stop := errors.New("stop")
	var first *ledger.Entry
	err = s.Pipeline.Ledger.List(ctx, func(l ledger.Listed) error {
		e, _, err := s.Pipeline.Ledger.Read(ctx, l.ID)
		if errors.Is(err, ledger.ErrDamaged) || errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		first = &e
		return stop
	})
	if err != nil && !errors.Is(err, stop) {
		return false, err
	}
	if first != nil && (first.Bucket != c.Bucket || !strings.HasPrefix(first.Key, c.Prefix)) {
		return true, &ledger.OwnerError{Text: fmt.Sprintf("the ledger %s has entries of bucket %q and keys such as %q, which are not in the source %s: give this source a ledger and a sink of its own, or name the source as before",
			s.Config.Ledger, first.Bucket, first.Key, c)}
	}
	return first != nil, nil
}

// ownOutputs reports whether the sink has no outputs, or at least one of this
// source.
func (s *Setup) ownOutputs(ctx context.Context) (bool, error) {
	ids := map[ledger.ShortID]bool{}
	err := s.Pipeline.Sink.List(ctx, s.Pipeline.SinkPrefix, func(info store.Info) error {
		if id, _, ok := ledger.ParseOutputName(info.Key[strings.LastIndexByte(info.Key, '/')+1:]); ok {
			ids[id] = true
		}
		return ledger.CheckMark(s.Pipeline.SinkPrefix, info.Key)
	})
	if err != nil || len(ids) == 0 {
		return err == nil, err
	}
	src, err := s.Pipeline.Source(s.Config.Source.Bucket)
	if err != nil {
		return false, err
	}
	stop := errors.New("stop")
	err = src.List(ctx, s.Config.Source.Prefix, func(info store.Info) error {
		if ids[ledger.IDOf(s.Config.Source.Bucket, info.Key).Short()] {
			return stop
		}
		return nil
	})
	if errors.Is(err, stop) {
		return true, nil
	}
	return false, err
}

// Run is what a run over the source looks at.
func (s *Setup) Run() pipeline.RunOptions {
	c := s.Config
	return pipeline.RunOptions{Bucket: c.Source.Bucket, Prefix: c.Source.Prefix, Workers: c.Workers, Judge: s.Listed, SinkMoved: s.OldSink != ""}
}

// where is the place of a location. If both it and the ledger are folders, it is
// the path from the ledger.
func (s *stores) where(l, from config.Location) string {
	if s.isBucket(l) {
		return l.String()
	}
	at := s.real(l)
	if !s.isBucket(from) {
		ledger := s.real(from)
		if rel, err := filepath.Rel(ledger, at); err == nil {
			at = rel
		}
	}
	return strings.TrimSuffix(filepath.ToSlash(at), "/") + "/"
}

// above opens the folder in which the keys of a location begin with prefix.
func (s *stores) above(l config.Location, prefix string) (store.Store, error) {
	at := s.real(l)
	root, ok := strings.CutSuffix(filepath.ToSlash(at)+"/", prefix)
	if !ok || root == "" {
		return nil, &ledger.OwnerError{Text: fmt.Sprintf("%s does not end in %q, as the ledger knows it: name it as before", l, prefix)}
	}
	return s.dir(filepath.Clean(filepath.FromSlash(root)), false)
}

// real is the folder of the disk that a location leads to, without links.
func (s *stores) real(l config.Location) string {
	return realPath(filepath.Join(s.folder(l), filepath.FromSlash(l.Prefix)))
}

// realPath follows the links of a path, as far as the path exists.
func realPath(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rest := ""
	for at := path; ; at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if filepath.Dir(at) == at {
			return path
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}
