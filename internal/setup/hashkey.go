package setup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice/internal/config"
	"sluice/internal/secretsmanager"
	"sluice/mapping"
)

// LoadKeyedMapping is LoadMapping for a conversion: the columns that need a key get
// it. Only then is a secret read; timeout is that of config.S3.
func LoadKeyedMapping(ctx context.Context, name string, key config.HashKey, timeout time.Duration, find AWS) (*mapping.Mapping, error) {
	m, err := LoadMapping(name)
	if err != nil {
		return nil, err
	}
	return withKey(ctx, m, name, key, timeout, find)
}

// ParseMapping reads the text of a mapping for a conversion with this configuration.
// The error is that of [mapping.Parse], or about the key.
func (s *Setup) ParseMapping(ctx context.Context, name string, text []byte) (*mapping.Mapping, error) {
	m, err := mapping.Parse(name, text)
	if err != nil {
		return nil, err
	}
	return withKey(ctx, m, name, s.Config.HashKey, s.Config.S3.Timeout, s.stores.find)
}

// withKey is a mapping with the key of its columns, if one of them needs it.
func withKey(ctx context.Context, m *mapping.Mapping, name string, key config.HashKey, timeout time.Duration, find AWS) (*mapping.Mapping, error) {
	if !m.NeedsHashKey() {
		return m, nil
	}
	text, err := readHashKey(ctx, key, timeout, find)
	if err != nil {
		return nil, &HashKeyError{fmt.Errorf("find the key of hash: hmac: %w", err)}
	}
	if m, err = m.WithHashKey(text); err != nil {
		return nil, &MappingError{fmt.Errorf("mapping %s: %v: %w", name, key, err)}
	}
	return m, nil
}

// HashKeyError says why the secret with the key could not be had.
type HashKeyError struct{ Err error }

func (e *HashKeyError) Error() string { return e.Err.Error() }
func (e *HashKeyError) Unwrap() error { return e.Err }

func readHashKey(ctx context.Context, key config.HashKey, timeout time.Duration, find AWS) ([]byte, error) {
	if key.Secret == "" {
		return []byte(key.Text), nil
	}
	found, err := find(ctx)
	if err != nil {
		return nil, err
	}
	text, err := secretsmanager.GetSecretValue(ctx, found, key.Secret, timeout)
	if err == nil && isObject(text) {
		// All of it would be the key, and its length that of names and braces too.
		return nil, fmt.Errorf("read secret %s: %w", key.Secret, errObject)
	}
	return text, err
}

var errObject = errors.New("it holds a JSON object of keys and values; store the key alone, as plain text")

func isObject(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && json.Valid(text)
}
