package quarantine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"sluice/reason"
)

// The members of an entry that Renumber reads, as [Writer] writes them. A text cannot
// hold these bytes, since its quotes are escaped.
var (
	reasonMember = []byte(prefix + `"reason":"`)
	offsetMember = []byte(`,"offset":`)
	recordMember = []byte(`,"record":`)
)

// errNoEntry says that a line is not one that Writer has written.
var errNoEntry = errors.New("the quarantine of a part is damaged")

// Renumber copies entries that a [Writer] wrote, and adds first to the ordinals of their
// records: those of a part of an input begin at 0. Before it copies an entry it calls
// check with its reason, offset and ordinal.
func Renumber(to io.Writer, from io.Reader, first int64, check func(Entry) error) error {
	r := bufio.NewReaderSize(from, 64<<10)
	var head []byte
	for {
		var err error
		head, err = readHead(r, head[:0])
		if err == io.EOF && len(head) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read quarantine: %w", err)
		}
		e, at, after, err := parseHead(head)
		if err != nil {
			return err
		}
		rest := head[after:]
		e.Record += first
		if err := check(e); err != nil {
			return err
		}
		if _, err := to.Write(strconv.AppendInt(bytes.Clone(head[:at]), e.Record, 10)); err != nil {
			return fmt.Errorf("write quarantine: %w", err)
		}
		for {
			if _, err := to.Write(rest); err != nil {
				return fmt.Errorf("write quarantine: %w", err)
			}
			if rest[len(rest)-1] == '\n' {
				break
			}
			if rest, err = r.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return fmt.Errorf("read quarantine: %w", noEOF(err))
			}
		}
	}
}

// readHead reads a line, at least up to what follows the ordinal.
func readHead(r *bufio.Reader, head []byte) ([]byte, error) {
	for {
		more, err := r.ReadSlice('\n')
		head = append(head, more...)
		switch {
		case err == nil:
			return head, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			if len(head) > 0 {
				err = noEOF(err)
			}
			return head, err
		}
		if i := bytes.Index(head, recordMember); i >= 0 && bytes.IndexByte(head[i+1:], ',') >= 0 {
			return head, nil
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseHead reads the beginning of an entry; its ordinal is head[at:after].
func parseHead(head []byte) (e Entry, at, after int, err error) {
	code, ok := bytes.CutPrefix(head, reasonMember)
	end := bytes.IndexByte(code, '"')
	if !ok || end < 0 {
		return e, 0, 0, errNoEntry
	}
	e.Reason = reason.Code(code[:end])
	if e.Offset, _, _, err = number(head, offsetMember); err == nil {
		e.Record, at, after, err = number(head, recordMember)
	}
	return e, at, after, err
}

// number reads the number of a member.
func number(head, member []byte) (n int64, at, after int, err error) {
	i := bytes.Index(head, member)
	if i < 0 {
		return 0, 0, 0, errNoEntry
	}
	at = i + len(member)
	digits := bytes.IndexByte(head[at:], ',')
	if digits < 0 {
		return 0, 0, 0, errNoEntry
	}
	if n, err = strconv.ParseInt(string(head[at:at+digits]), 10, 64); err != nil {
		return 0, 0, 0, errNoEntry
	}
	return n, at, at + digits, nil
}
