package s3store

import (
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// crc64NVME is the polynomial of the NVM Express specification, reversed, as
// S3 uses it for CRC64NVME.
var crc64NVME = crc64.MakeTable(0x9a6c9329ac4bc9b5)

// checksum is computed over the bytes in the order they are read. The SDK
// checks the body of one response only, which is not the object when it is
// read in ranges or resumed.
type checksum struct {
	hash.Hash
	want string // base64, as in the header
}

// newChecksum reads the checksum of the whole object from a response; nil if it has
// none that can be checked. One that ends in "-" and a number is a checksum of the
// checksums of parts, and cannot.
func newChecksum(out *s3.GetObjectOutput) *checksum {
	for _, c := range []struct {
		want *string
		hash func() hash.Hash
	}{
		{out.ChecksumCRC64NVME, func() hash.Hash { return crc64.New(crc64NVME) }},
		{out.ChecksumCRC32C, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }},
		{out.ChecksumCRC32, func() hash.Hash { return crc32.NewIEEE() }},
	} {
		if want := aws.ToString(c.want); want != "" && !strings.Contains(want, "-") {
			return &checksum{c.hash(), want}
		}
	}
	return nil
}

func (c *checksum) matches() bool { return encode(c.Hash) == c.want }

func encode(h hash.Hash) string { return base64.StdEncoding.EncodeToString(h.Sum(nil)) }
