package doctor

import (
	"context"

	"sluice/internal/catalog"
)

// HashKeyFailed is the check of a key that setup could not read. Without it nothing
// can be opened.
func HashKeyFailed(err error) Check {
	c := Check{Name: hashKey, Status: Failed, Detail: err.Error(), Hint: "docs/mapping.md#hashes-and-masks says where the key may be"}
	switch code := catalog.CodeOf(err); {
	case denied(err):
		c.Hint = "the role needs secretsmanager:GetSecretValue of this secret, and kms:Decrypt of its key if that is not the key of the service"
	case code == "ResourceNotFoundException":
		c.Hint = "compare the ARN with that of the secret: region, account and the six characters at its end"
	case code == "DecryptionFailure" || code == "InvalidRequestException":
		c.Hint = "look at the secret: it or the key that it is encrypted with may be disabled or marked for deletion"
	}
	return c
}

const hashKey = "hash key"

// hashKey says where the key was read. Without a column that needs it there is none.
func (d *doctor) hashKey(context.Context) []Check {
	if !d.s.Pipeline.Mapping.NeedsHashKey() {
		return nil
	}
	return []Check{ok(hashKey, "%v can be read, and has enough bytes", d.s.Config.HashKey)}
}
