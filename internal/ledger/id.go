package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// ID stands for a source key: SHA-256 of bucket, line feed and key. As text it is
// 64 hex digits. It names the entry and the folder in the quarantine, and the
// metadata of an output has it.
type ID [sha256.Size]byte

// IndexID is the part of an ID that the index of the ledger has: the first 16
// digits as a number, which sorts like the text.
type IndexID uint64

// ShortID is the part of an ID that the names of outputs and the log have: the
// first 12 digits.
type ShortID uint64

const shortDigits = 12

// IDOf is the ID of a source key.
func IDOf(bucket, key string) ID { return sha256.Sum256([]byte(bucket + "\n" + key)) }

// ParseID returns the ID with this text; false if there is none.
func ParseID(text string) (id ID, ok bool) {
	if len(text) != hex.EncodedLen(len(id)) {
		return ID{}, false
	}
	_, err := hex.Decode(id[:], []byte(text))
	return id, err == nil && id.String() == text
}

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Index is the beginning that the index has.
func (id ID) Index() IndexID { return IndexID(binary.BigEndian.Uint64(id[:])) }

// Short is the beginning that names of outputs have.
func (id ID) Short() ShortID { return id.Index().Short() }

// Short is the beginning that names of outputs have.
func (n IndexID) Short() ShortID { return ShortID(n >> (64 - 4*shortDigits)) }

func (s ShortID) String() string { return fmt.Sprintf("%0*x", shortDigits, uint64(s)) }

const (
	outputTime = "orders_20060102T150405.000Z_"
	outputEnd  = ".parquet"
)

// OutputName is the name of the output objects of a source key whose first version
// has the time firstSeen. It depends on nothing else, not even the configuration,
// so outputs are found even if the entry is lost.
func OutputName(id ShortID, firstSeen time.Time) string {
	return firstSeen.UTC().Format(outputTime) + id.String() + outputEnd
}

// ParseOutputName parses the name of an output; false if it is not one.
func ParseOutputName(name string) (id ShortID, firstSeen time.Time, ok bool) {
	if len(name) != len(outputTime)+shortDigits+len(outputEnd) {
		return 0, time.Time{}, false
	}
	digits := name[len(outputTime):][:shortDigits]
	u, errID := strconv.ParseUint(digits, 16, 64)
	firstSeen, err := time.Parse(outputTime, name[:len(outputTime)])
	id = ShortID(u)
	return id, firstSeen, errID == nil && err == nil && OutputName(id, firstSeen) == name
}
