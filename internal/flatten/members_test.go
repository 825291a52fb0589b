package flatten

import (
	"fmt"
	"strings"
	"testing"

	"sluice/mapping"
)

// TestNamesOfMembersAreNotLearned: names that are data cost nothing that stays,
// however many there are; only members below them are learned.
func TestNamesOfMembersAreNotLearned(t *testing.T) {
	m, err := mapping.Parse("members.yaml", []byte(`table: t
explode: $.items.*
columns:
  - {name: sku, path: $.items.*, type: string, member_name: true}
  - {name: price, path: $.items.*.price, type: int64}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(m)
	const many = 1_500
	var b strings.Builder
	for i := range many {
		fmt.Fprintf(&b, `,"sku-%d":{"price":%d,"color":"red"}`, i, i%7)
	}
	items := r.f.top.members[0].node
	for range 2 {
		if res := r.read(`{"items":{`+b.String()[1:]+`}}`, true); res.Rows != many || res.Fields != many || res.Code != "" {
			t.Errorf("%d rows and %d unknown members (%s), want %d of each", res.Rows, res.Fields, res.Code, many)
		}
	}
	if n := r.f.strangers; n != 1 || len(items.members) != 0 || len(items.every.members) != 2 {
		t.Errorf("%d members learned; %d of the object, %d of its members", n, len(items.members), len(items.every.members))
	}
}
