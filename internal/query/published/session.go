package published

import (
	"context"
	"fmt"

	"sluice/internal/query"
	"sluice/internal/setup"
)

// Session runs each statement over the tables as the ledger has them then: also over
// objects that came after the session was made.
type Session struct {
	Lake   *Lake
	Setup  func() *setup.Setup // at work
	Engine query.Engine
	Limits query.Limits
}

var _ query.Session = (*Session)(nil)

// Tables are the tables as they are now.
func (s *Session) Tables(ctx context.Context) ([]query.Table, error) {
	t, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	t.Release()
	return t.Tables, nil
}

func (s *Session) look(ctx context.Context) (*Tables, error) {
	t, err := s.Lake.Look(ctx, s.Setup())
	if err != nil {
		return nil, fmt.Errorf("find the tables: %w", err)
	}
	return t, nil
}

// Query starts a statement.
func (s *Session) Query(ctx context.Context, sql string) (query.Rows, error) {
	t, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	over := s.Engine(t.Folder, t.Tables, s.Limits)
	found, err := over.Query(ctx, sql)
	if err != nil {
		over.Close() //nolint:errcheck // the statement has failed
		t.Release()
		return nil, err
	}
	return &rows{found, over, t}, nil
}

// Export writes the rows of a statement to a Parquet file.
func (s *Session) Export(ctx context.Context, sql, file string) error {
	t, err := s.look(ctx)
	if err != nil {
		return err
	}
	defer t.Release()
	over := s.Engine(t.Folder, t.Tables, s.Limits)
	defer over.Close()
	return over.Export(ctx, sql, file)
}

// Close closes the lake.
func (s *Session) Close() error { return s.Lake.Close() }

// rows keep the files of their statement.
type rows struct {
	query.Rows
	over   query.Session
	tables *Tables
}

func (r *rows) Close() error {
	r.Rows.Close() //nolint:errcheck // closing rows loses nothing
	r.tables.Release()
	return r.over.Close()
}
