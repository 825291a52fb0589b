package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"sluice/internal/query"
)

const (
	promptFirst = "sluice> "
	promptNext  = "   ...> "
	promptHelp  = `A statement ends with ; and may have several lines. Ctrl-C stops it, or clears the
line; the arrow keys edit, and bring back earlier statements. Tab completes names.
  \dt        tables
  \d TABLE   columns of a table
  \q         quit, as Ctrl-D
`
)

// The keys of control characters.
const (
	ctrlC     = 0x03
	endOfLine = 0x05 // Ctrl-E
	killLine  = 0x15 // Ctrl-U
)

// prompt asks for statements until the end of the input.
func (q *querying) prompt(ctx context.Context) error {
	in, isFile := q.in.(*os.File)
	if !isFile {
		return errors.New("standard input is no terminal")
	}
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("read the terminal: %w", err)
	}
	defer term.Restore(int(in.Fd()), old) //nolint:errcheck // there is nothing else to do
	err = q.converse(ctx, in, q.out.Writer)
	fmt.Fprint(q.out, "\r\n")
	return err
}

// converse is prompt over a terminal in raw mode.
func (q *querying) converse(ctx context.Context, in io.Reader, out io.Writer) error {
	keys := newKeyboard(ctx, in)
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{keys, out}, promptFirst)
	tables, err := q.look(ctx)
	if err != nil {
		return q.failed(err)
	}
	names := namesIn(tables)
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) { return completeName(names, line, pos, key) }
	screen := &printer{Writer: t, width: q.out.width, color: q.out.color}
	quiet := *q.app
	quiet.out, quiet.errw = screen, screen
	q.app = &quiet
	if q.out.width > 0 {
		t.SetSize(q.out.width, 24) //nolint:errcheck // lines are then not wrapped well
	}
	fmt.Fprintf(screen, "SQL over %s; \\? is help\n", plural(int64(len(tables)), "table"))
	statement := ""
	for ctx.Err() == nil {
		line, err := t.ReadLine()
		if keys.wasCleared() {
			line, statement = "", ""
			t.SetPrompt(promptFirst)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			return fmt.Errorf("read the terminal: %w", err)
		}
		if word := strings.TrimSpace(line); statement == "" && (strings.HasPrefix(word, `\`) || word == "help" || word == "quit" || word == "exit") {
			if quit := q.command(ctx, screen, keys, word); quit {
				return nil
			}
			continue
		}
		statement += line + "\n"
		switch {
		case strings.TrimSpace(statement) == "":
			statement = ""
		case !strings.HasSuffix(strings.TrimSpace(line), ";"):
			t.SetPrompt(promptNext)
		default:
			t.SetPrompt(promptFirst)
			q.run(ctx, screen, keys, statement)
			statement = ""
		}
	}
	return ctx.Err()
}

// command does what a word with a backslash says, and reports whether it is to quit.
func (q *querying) command(ctx context.Context, screen *printer, keys *keyboard, word string) (quit bool) {
	name, of, _ := strings.Cut(strings.TrimSuffix(word, ";"), " ")
	of = strings.TrimSpace(of)
	switch name {
	case `\q`, "quit", "exit":
		return true
	case `\dt`, `\d`:
		if of != "" {
			q.run(ctx, screen, keys, "SELECT column_name, column_type FROM (DESCRIBE "+quoted(of)+")")
			break
		}
		tables, err := q.look(ctx)
		if err != nil {
			q.complain(q.failed(err))
			break
		}
		var rows [][]string
		for _, t := range tables {
			rows = append(rows, []string{t.Schema.Table, grouped(int64(len(t.Files)))})
		}
		printTable(screen, []string{"table", "files"}, rows)
	default:
		fmt.Fprint(screen, promptHelp)
	}
	return false
}

// quoted is a name as SQL takes it.
func quoted(name string) string {
	if strings.HasPrefix(name, `"`) {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// run runs a statement, which Ctrl-C stops.
func (q *querying) run(ctx context.Context, screen *printer, keys *keyboard, sql string) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	keys.onInterrupt(stop)
	defer keys.onInterrupt(nil)
	if err := q.failed(q.show(ctx, screen, sql)); err != nil {
		q.complain(err)
	}
}

// namesIn are the names of tables and their columns.
func namesIn(tables []query.Table) (names []string) {
	for _, t := range tables {
		names = append(names, t.Schema.Table)
		for _, c := range t.Schema.Columns {
			names = append(names, c.Name)
		}
	}
	return names
}

// completeName completes a name, as far as all that fit agree.
func completeName(names []string, line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	begin := pos
	for begin > 0 && (line[begin-1] == '_' || line[begin-1] >= '0' && line[begin-1] <= '9' || line[begin-1]|0x20 >= 'a' && line[begin-1]|0x20 <= 'z') {
		begin--
	}
	word := strings.ToLower(line[begin:pos])
	var fit []string
	for _, n := range names {
		if word != "" && strings.HasPrefix(n, word) && !slices.Contains(fit, n) {
			fit = append(fit, n)
		}
	}
	if len(fit) == 0 {
		return line, pos, true
	}
	common := fit[0]
	for _, n := range fit {
		for !strings.HasPrefix(n, common) {
			common = common[:len(common)-1]
		}
	}
	return line[:begin] + common + line[pos:], begin + len(common), true
}

// keyboard has the bytes that a terminal sends, but for Ctrl-C: this stops a
// statement, or clears the line. They are read while a statement runs, too.
type keyboard struct {
	done  <-chan struct{} // of the prompt
	bytes chan []byte
	rest  []byte // for one reader

	mu      sync.Mutex
	stop    func() // of the statement that runs
	cleared bool
}

func newKeyboard(ctx context.Context, in io.Reader) *keyboard {
	k := &keyboard{done: ctx.Done(), bytes: make(chan []byte, 64)}
	go func() {
		defer close(k.bytes)
		for {
			b := make([]byte, 256)
			n, err := in.Read(b)
			if n > 0 {
				select {
				case k.bytes <- k.pressed(b[:n]):
				case <-k.done:
					return
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return k
}

// pressed replaces Ctrl-C by keys that clear the line, if no statement runs. A statement
// that was stopped may take a moment to end; the next Ctrl-C is for what was typed since.
func (k *keyboard) pressed(b []byte) []byte {
	if !slices.Contains(b, ctrlC) {
		return b
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stop != nil {
		k.stop()
		k.stop = nil
		return nil
	}
	k.cleared = true
	return []byte{endOfLine, killLine, '\r'}
}

func (k *keyboard) onInterrupt(stop func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop = stop
}

// wasCleared reports whether Ctrl-C ended the line that was read last.
func (k *keyboard) wasCleared() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	was := k.cleared
	k.cleared = false
	return was
}

// Read reads what was pressed.
func (k *keyboard) Read(b []byte) (int, error) {
	for len(k.rest) == 0 {
		select {
		case more, ok := <-k.bytes:
			if !ok {
				return 0, io.EOF
			}
			k.rest = more
		case <-k.done:
			return 0, io.EOF
		}
	}
	n := copy(b, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
