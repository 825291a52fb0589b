package mapping_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"sluice/mapping"
)

// The schema and the document name every limit, with the default that it has.
func TestLimitsAreTold(t *testing.T) {
	var schema struct {
		Properties struct {
			Limits struct {
				Properties map[string]struct{ Default json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(mapping.JSONSchema, &schema); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../docs/mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	limits := schema.Properties.Limits.Properties
	if want := reflect.TypeFor[mapping.Limits]().NumField(); len(limits) != want {
		t.Errorf("the schema has %d limits, Limits %d", len(limits), want)
	}
	for key, limit := range limits {
		_, row, found := strings.Cut(string(doc), "\n| `"+key+"` |")
		cells := strings.Split(row, " | ")
		if !found || len(cells) < 2 {
			t.Errorf("docs/mapping.md has no row of %s", key)
			continue
		}
		for where, value := range map[string]string{"the schema": string(limit.Default), "docs/mapping.md": cells[1]} {
			if hash(t, plain+fmt.Sprintf("limits: {%s: %s}\n", key, value)) != hash(t, plain) {
				t.Errorf("%s: %s is not the default of %s", where, value, key)
			}
		}
	}
}
