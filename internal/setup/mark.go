package setup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sluice/internal/ledger"
	"sluice/internal/store"
)

// Metadata of a mark, for people.
const (
	metaLedger = "sluice-ledger"
	metaSource = "sluice-source"
)

// ownSink makes sure that the sink belongs to this ledger, and marks it if it
// belongs to none. wasOurs says that the ledger named it before there were marks.
//
// Outputs are named after the source key alone, so in one sink two sources with
// equal keys would replace each other's outputs. If two ledgers mark a sink at the
// same moment, both then see two marks, and both are refused.
func (s *Setup) ownSink(ctx context.Context, owner ledger.Owner, wasOurs bool) error {
	if s.owned.isMarked {
		return nil
	}
	isMarked, err := s.checkMarks(ctx, owner)
	if err != nil {
		return err
	}
	if !isMarked {
		if err := s.markable(ctx, wasOurs); err != nil {
			return err
		}
		at := s.owned.ledgerAt
		meta := map[string]string{metaLedger: url.PathEscape(at), metaSource: url.PathEscape(owner.Source.At)}
		if store.CheckMeta(meta) != nil {
			meta = nil // too long: the name says enough to tell owners apart
		}
		p := s.Pipeline
		if _, err := store.Put(ctx, p.Sink, p.SinkPrefix+ledger.Mark(at, owner.Source.At), nil, store.CreateOptions{Meta: meta}, store.Unconditional()); err != nil {
			return fmt.Errorf("mark sink: %w", err)
		}
		if _, err := s.checkMarks(ctx, owner); err != nil {
			return err
		}
	}
	s.owned.isMarked = true
	return nil
}

// CheckOwner is Own without a claim. isMarked says that ledger and sink are
// claimed already.
func (s *Setup) CheckOwner(ctx context.Context) (isMarked bool, err error) {
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	owner := s.owned.mine
	switch err := s.adopt(ctx); {
	case err == nil:
		owner = s.owned.owner
	case !errors.Is(err, store.ErrNotFound):
		return false, err
	}
	return s.checkMarks(ctx, owner)
}

// checkMarks looks for the marks of a sink. A mark of another ledger is an error.
func (s *Setup) checkMarks(ctx context.Context, owner ledger.Owner) (isMarked bool, err error) {
	p := s.Pipeline
	ours := p.SinkPrefix + ledger.Mark(s.owned.ledgerAt, owner.Source.At)
	foreign := ""
	err = p.Sink.List(ctx, p.SinkPrefix+ledger.MarkPrefix, func(info store.Info) error {
		if info.Key == ours {
			isMarked = true
		} else {
			foreign = info.Key
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("find the owner of the sink: %w", err)
	}
	if foreign == "" {
		return isMarked, nil
	}
	whose := "another ledger or source"
	if info, err := p.Sink.Head(ctx, foreign); err == nil && info.Meta[metaLedger] != "" {
		l, _ := url.PathUnescape(info.Meta[metaLedger])
		src, _ := url.PathUnescape(info.Meta[metaSource])
		whose = fmt.Sprintf("the ledger %s (seen from the sink) of the source %s (seen from that ledger)", l, src)
	}
	return isMarked, &ledger.OwnerError{Text: fmt.Sprintf("the sink %s belongs to %s, but the ledger here is %s: give this source a sink of its own; or, if this pipeline was moved and the sink was its own, delete %s",
		s.Config.Sink, whose, s.Config.Ledger, s.Config.Sink.Name(foreign))}
}

// markable makes sure that a sink without a mark is free, or belongs to this ledger.
func (s *Setup) markable(ctx context.Context, wasOurs bool) error {
	if err := s.checkAbove(ctx); err != nil || wasOurs {
		return err
	}
	ours, err := s.ownOutputs(ctx)
	if err == nil && !ours {
		err = &ledger.OwnerError{Text: fmt.Sprintf("the sink %s has outputs that are unknown to the ledger %s and the source %s: another source was processed into it, or this source under another name; use another sink, or name ledger and source as before",
			s.Config.Sink, s.Config.Ledger, s.Config.Source)}
	}
	return err
}

// checkAbove refuses a sink inside a marked sink. It passes over folders that it
// may not read: a run of the other pipeline then finds this sink inside its own.
func (s *Setup) checkAbove(ctx context.Context) error {
	at := s.Config.Sink
	refused := func(folder string) error {
		return &ledger.OwnerError{Text: fmt.Sprintf("the sink %s is inside %s, the sink of another pipeline, whose table would have the rows of both: give this source a sink of its own", at, folder)}
	}
	if !s.stores.isBucket(at) {
		for dir := filepath.Dir(s.owned.sinkAt); ; dir = filepath.Dir(dir) {
			files, _ := os.ReadDir(dir)
			if slices.ContainsFunc(files, func(f os.DirEntry) bool { return ledger.IsMark(f.Name()) }) {
				return refused(dir)
			}
			if dir == filepath.Dir(dir) {
				return nil
			}
		}
	}
	for above := at.Prefix; above != ""; {
		above = above[:strings.LastIndexByte(strings.TrimSuffix(above, "/"), '/')+1]
		isMarked := false
		err := s.Pipeline.Sink.List(ctx, above+ledger.MarkPrefix, func(store.Info) error { isMarked = true; return nil })
		if store.IsTransient(err) || ctx.Err() != nil {
			return fmt.Errorf("find the owner of the sink: %w", err)
		}
		if isMarked {
			return refused(at.Name(above))
		}
	}
	return nil
}
