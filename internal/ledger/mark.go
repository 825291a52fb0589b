package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// MarkPrefix begins the names of marks. A mark is an object that says whose a
// sink is, by its name, and has no content: crawlers and readers of the table
// pass by an empty object of such a name, as they do by Spark's _SUCCESS.
const MarkPrefix = "_owner_"

// Mark is the name of the mark of the ledger at this place, for a source.
func Mark(ledger, source string) string {
	sum := sha256.Sum256([]byte(ledger + "\n" + source))
	return MarkPrefix + hex.EncodeToString(sum[:8])
}

// IsMark reports whether that is the name of a mark.
func IsMark(name string) bool {
	return strings.HasPrefix(name, MarkPrefix) && len(name) == len(Mark("", ""))
}

// CheckMark fails for a mark under a sink that is in a folder of it: the table
// of the outer sink has the rows of both.
func CheckMark(sink, key string) error {
	folder := key[:strings.LastIndexByte(key, '/')+1]
	if folder == sink || !IsMark(key[len(folder):]) {
		return nil
	}
	return &OwnerError{fmt.Sprintf("%s in the sink is the sink of another pipeline, whose rows would be in both tables: give each a sink of its own, and move that folder away", strconv.Quote(folder))}
}
