package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// MarkPrefix begins the names of marks. A mark is an empty object in a sink; its
// name says which ledger owns the sink. Crawlers and readers of the table ignore
// an empty object of such a name, like Spark's _SUCCESS.
const MarkPrefix = "_owner_"

// Mark is the name of the mark of the ledger at this place, for a source.
func Mark(ledger, source string) string {
	sum := sha256.Sum256([]byte(ledger + "\n" + source))
	return MarkPrefix + hex.EncodeToString(sum[:8])
}

// IsMark reports whether name is that of a mark.
func IsMark(name string) bool {
	return strings.HasPrefix(name, MarkPrefix) && len(name) == len(Mark("", ""))
}

// CheckMark fails if a mark is in a folder inside a sink: the table of the outer
// sink would have the rows of both.
func CheckMark(sink, key string) error {
	folder := key[:strings.LastIndexByte(key, '/')+1]
	if folder == sink || !IsMark(key[len(folder):]) {
		return nil
	}
	return &OwnerError{fmt.Sprintf("%s in the sink is the sink of another pipeline, whose rows would be in both tables: give each pipeline a sink of its own, and move that folder away", strconv.Quote(folder))}
}
