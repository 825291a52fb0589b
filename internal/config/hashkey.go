package config

import "strings"

// HashKey says where the key of hash: hmac is. The file cannot have the key itself.
type HashKey struct {
	Text   string // the key, from the variable
	Secret string // the ARN of a secret of AWS Secrets Manager that holds it
}

const (
	hashKeyVariable       = "SLUICE_HASH_KEY"
	hashKeySecretVariable = "SLUICE_HASH_KEY_SECRET"
)

// String says where the key is from, never what it is.
func (k HashKey) String() string {
	if k.Secret != "" {
		return "secret " + k.Secret
	}
	return hashKeyVariable
}

// LoadHashKey reads the two variables alone, for commands without a configuration.
func LoadHashKey(getenv func(string) string) (HashKey, error) {
	r := newReader("", nil, func(name string) string {
		if name == hashKeyVariable || name == hashKeySecretVariable {
			return getenv(name)
		}
		return ""
	})
	return r.hashKey(getenv), r.err()
}

func (r *reader) hashKey(getenv func(string) string) HashKey {
	const key = "hash_key_secret"
	k := HashKey{Text: getenv(hashKeyVariable), Secret: r.text(key, "")}
	switch {
	case k.Secret == "":
	case k.Text != "":
		r.fail(key, "%s: the variable %s has a key too; keep one of the two", key, hashKeyVariable)
	case !isSecret(k.Secret):
		// What stands there may be the key itself.
		r.fail(key, "%s is not the ARN of a secret; write it as arn:aws:secretsmanager:eu-central-1:123456789012:secret:name-AbCdEf", key)
	}
	return k
}

// isSecret reports whether a text is the ARN of a secret, by its form.
func isSecret(arn string) bool {
	p := strings.Split(arn, ":")
	return len(p) == 7 && p[0] == "arn" && strings.HasPrefix(p[1], "aws") && p[2] == "secretsmanager" && isRegion(p[3]) && p[4] != "" && p[5] == "secret" && p[6] != ""
}

// isRegion reports whether a text can be a region: it becomes part of a host name.
func isRegion(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
