package infer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/internal/infer/infertest"
	"sluice/mapping"
	"sluice/schema"
)

// Documents written after public exports. Each is converted with the mapping that
// is made of it, and compared both ways; what is listed is what a person would
// have chosen.
func TestExports(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []string
		text    string
		file    string // in testdata/hand, in place of the text
		tables  string // names, with the paths of explode
		columns string // table.column, its type and keys
	}{{
		name: "GitHub events", records: anywhere,
		file:   "github",
		tables: "records; payload_commits $.payload.commits[*]; payload_issue_labels $.payload.issue.labels[*]",
		columns: `records.id string required bloom; records.actor_id int64 required; records.created_at timestamp required; records.public boolean required;
payload_commits.record_id string required bloom; payload_commits.author_email string required pii=email; payload_issue_labels.name string required`,
	}, {
		name: "CloudTrail", records: []string{"$.Records[*]"},
		file:   "cloudtrail",
		tables: "records; request_parameters_instances_set_items $.requestParameters.instancesSet.items[*]; resources $.resources[*]",
		columns: `records.event_version string required; records.event_time timestamp required; records.source_ip_address string required pii=ip; records.user_identity_account_id string bloom;
records.user_identity_session_context_attributes_mfa_authenticated boolean; records.recipient_account_id string required bloom; resources.record_event_id string required bloom`,
	}, {
		name: "OTLP traces", records: []string{"$.resourceSpans[*]"},
		file:   "otlp",
		tables: "resource_attributes $.resource.attributes[*]; scope_spans $.scopeSpans[*]; scope_spans_spans $.scopeSpans[*].spans[*]",
		columns: `scope_spans_spans.trace_id string required bloom; scope_spans_spans.start_time_unix_nano string required; scope_spans_spans.kind int64 required;
scope_spans_spans.attributes json required; resource_attributes.value_string_value string required; scope_spans.scope_version string required`,
	}, {
		name: "GeoJSON", records: []string{"$.features[*]"},
		file:    "geojson",
		tables:  "features",
		columns: `features.id int64 required; features.geometry_coordinates json required; features.properties_pop int64`,
	}, {
		name: "GeoJSON points", records: []string{"$.features[*]"},
		text:    `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[13.404954,52.520008]}},{"type":"Feature","geometry":null}]}`,
		tables:  "features",
		columns: `features.geometry_coordinates list<decimal(18,8)>`,
	}, {
		name: "DynamoDB export", records: []string{"$.Item"},
		file:   "dynamodb",
		tables: "item; lines $.lines[*]; by_day $.by_day.*",
		columns: `item.pk string required bloom; item.total decimal(18,4) required; item.count int64 required; item.paid boolean required; item.note string; item.tags list<string>; item.sizes list<decimal(18,4)>;
lines.item_pk string required bloom; lines.qty int64 required; lines.options_color string required; by_day.key string required; by_day.value int64 required`,
	}, {
		name: "MongoDB export", records: anywhere,
		file:    "mongodb",
		tables:  "records; lines $.lines[*]",
		columns: `records.id string required bloom; records.created timestamp required; records.total decimal(18,4) required; records.n int64 required; lines.record_id string required bloom; lines.qty int64 required; lines.weight decimal(18,4) required`,
	}, {
		name: "Firebase, one document keyed by ids", records: []string{"$"},
		file:   "firebase",
		tables: "records; users $.users.*; users_orders $.users.*.orders.*; presence $.presence.*",
		columns: `records.settings_theme string required; users.key string required; users.email string required pii=email; users_orders.user_key string required; users_orders.key string required;
users_orders.total decimal(18,4) required; presence.value boolean required`,
	}, {
		name: "objects keyed by ids, the whole document", records: []string{"$"},
		file:    "keyed",
		tables:  "records $.*",
		columns: `records.key string required; records.sku string required bloom; records.price decimal(18,4)`,
	}, {
		name: "FHIR bundle", records: []string{"$.entry[*].resource"},
		file:   "fhir",
		tables: "resource; name $.name[*]; address $.address[*]; identifier $.identifier[*]; code_coding $.code.coding[*]; component $.component[*]; component_code_coding $.component[*].code.coding[*]",
		columns: `resource.id string required bloom; resource.birth_date date pii=birth_date; resource.meta_last_updated timestamp required; name.resource_id string required bloom; name.given list<string> required pii=name; name.family string required pii=name;
identifier.value string required; component.value_quantity_value int64 required`,
	}, {
		name: "Stripe events", records: []string{"$.data[*]"},
		file:    "stripe",
		tables:  "data; data_object_refunds_data $.data.object.refunds.data[*]",
		columns: `data.created timestamp required unit=seconds; data.api_version string required; data.data_object_amount int64; data_object_refunds_data.data_id string required bloom`,
	}, {
		name: "amounts and currencies", records: anywhere,
		text: `{"total_cents":1999,"currency":"EUR","price":{"type":"centPrecision","centAmount":500,"currencyCode":"JPY","fractionDigits":0},"fee":{"amount":70,"currency":"USD"}}
{"total_cents":5,"currency":"KWD","price":{"type":"centPrecision","centAmount":501,"currencyCode":"EUR","fractionDigits":2},"fee":{"amount":71,"currency":"USD"}}`,
		tables:  "records",
		columns: `records.total_cents decimal(18,4) required minor={currency:$.currency}; records.price_cent_amount decimal(18,9) required minor={digits:$.price.fractionDigits}; records.fee_amount int64 required`,
	}, {
		name: "room for later numbers", records: anywhere,
		text:   `{"rate":0.19,"fine":1.23456789,"wide":123456789012345.5,"wider":12345678901234567890123456789012345.5,"widest":123456789012345678901234567890123456789.5}`,
		tables: "records",
		columns: `records.rate decimal(18,4) required; records.fine decimal(18,10) required; records.wide decimal(22,4) required; records.wider decimal(38,3) required;
records.widest string required from=[string, number]`,
	}, {
		name: "ids as text and as numbers", records: anywhere,
		text: `{"id":9007199254740993,"zip":"01234","ref":"12","n":12345678901234567890,"qty":"2","when":"","ok":"true","v":"1.10"}
{"id":9007199254740994,"zip":"98765","ref":12,"n":1,"qty":2,"when":"2024-01-10","ok":false,"v":"1.9"}`,
		tables: "records",
		columns: `records.id string required bloom from=[string, integer]; records.zip string required pii=address; records.ref string required bloom from=[string, integer]; records.n string required from=[string, integer];
records.qty int64 required; records.when date null_values; records.ok boolean required; records.v string required`,
	}, {
		name: "personal data", records: anywhere,
		text:   `{"customer":{"name":"A","phone":"+1 555","address":{"street":"x","city":"y"},"phones":[]},"product":{"name":"Mug"},"by_mail":{"a@example.com":{"n":1}},"ip":"192.0.2.1","contact":"b@example.com"}`,
		tables: "records; by_mail $.by_mail.*",
		columns: `records.customer_name string required pii=name; records.customer_phone string required pii=phone; records.customer_address_street string required pii=address; records.customer_address_city string required pii=address;
records.customer_phones json required pii=phone; records.product_name string required; records.ip string required pii=ip; records.contact string required pii=email; by_mail.key string required pii=email`,
	}} {
		t.Run(c.name, func(t *testing.T) {
			if c.file != "" {
				c.text = readHand(t, c.file).document
			}
			infertest.RoundTrip(t, nil, c.text)
			r := infertest.RoundTrip(t, c.records, c.text)
			var tables []string
			found := map[string]string{}
			for i := range r.Mapping.Tables {
				table := &r.Mapping.Tables[i]
				name := table.Name
				if len(table.Explode) > 0 {
					name += " " + table.Explode.String()
				}
				tables = append(tables, name)
				for j := range table.Columns {
					col := &table.Columns[j]
					found[table.Name+"."+col.Name] = keysOf(col)
				}
			}
			if got := strings.Join(tables, "; "); got != c.tables {
				t.Errorf("tables are\n%s\nnot\n%s", got, c.tables)
			}
			for want := range strings.SplitSeq(c.columns, ";") {
				name, keys, _ := strings.Cut(strings.TrimSpace(want), " ")
				if found[name] != keys {
					t.Errorf("%s is %q, not %q", name, found[name], keys)
				}
			}
			if t.Failed() {
				t.Logf("%s", r.YAML)
			}
		})
	}
}

// keysOf is the type of a column and its keys, shortened.
func keysOf(c *mapping.Column) string {
	s := c.Type.String()
	if c.Required {
		s += " required"
	}
	if c.Bloom {
		s += " bloom"
	}
	if c.Type.Value().Kind == schema.String && c.From != mapping.FromString {
		s += fmt.Sprintf(" from=[%s]", c.From)
	}
	if c.PII != "" {
		s += " pii=" + c.PII
	}
	if c.Unit != mapping.NoUnit {
		s += " unit=" + c.Unit.String()
	}
	if c.NullValues != nil {
		s += " null_values"
	}
	switch u := c.MinorUnits; u.By {
	case mapping.Fixed:
		s += fmt.Sprintf(" minor=%d", u.Digits)
	case mapping.ByCurrency:
		s += " minor={currency:" + u.Path.String() + "}"
	case mapping.ByDigits:
		s += " minor={digits:" + u.Path.String() + "}"
	}
	return s
}

// No text and no number of the data stands in the mapping, nor a name that is
// data.
func TestNoValues(t *testing.T) {
	r := infertest.RoundTrip(t, anywhere, `{"id":771199,"name":"Zaphod","email":"zaphod@example.com","by_id":{"884422":{"v":1},"884423":{"v":2}},"people":{"zaphod@example.com":{"v":1}},"mixed":{"995511":1,"995512":"x"}}`)
	for _, value := range []string{"771199", "Zaphod", "zaphod", "884422", "884423", "995511"} {
		if strings.Contains(string(r.YAML), value) {
			t.Errorf("%s stands in the mapping:\n%s", value, r.YAML)
		}
	}
}

// Names that differ only in case, or in how objects lie in each other, are told
// apart in the same way each time.
func TestUniqueNames(t *testing.T) {
	doc := `[{"x":1,"X":2,"y":{"z":3},"y_z":4,"Y_Z":{"a":1},"lines":[{"id":1}],"Lines":[{"id":"2"}]}]`
	want := infertest.RoundTrip(t, anywhere, doc)
	var names []string
	for _, table := range want.Mapping.Tables {
		for _, c := range table.Columns {
			names = append(names, table.Name+"."+c.Name)
		}
	}
	if got := strings.Join(names, " "); got != "records.x records.x_2 records.y_z records.y_z_2 records.y_z_a lines.id lines_2.id" {
		t.Errorf("names are %s", got)
	}
	for range 20 {
		if got := infertest.RoundTrip(t, anywhere, doc); !slices.Equal(got.YAML, want.YAML) {
			t.Fatalf("%s\nis not\n%s", got.YAML, want.YAML)
		}
	}
}

// Comments say where the records are and why, and what stands beside them.
func TestLeftOut(t *testing.T) {
	r := infertest.RoundTrip(t, nil, `{"page":1,"orders":[{"id":1},{"id":2}],"next cursor":null}`, `{"id":7,"lines":[{"sku":"A-1"}],"taxes":[{"rate":0.1}]}`, `[{"id":8,"only":[{"deep":[{"a":1}]}]}]`)
	for _, want := range []string{
		"# Left out: $.orders[*]: members beside the records are in no table: next cursor, page.\n",
		"# The records are at $.orders[*] in 1 input: ",
		"# They are not at $.lines[*] in 1 input: an identifier stands beside the array, so the document is one record.\n",
		"records: [\"$[*]\", \"$.orders[*]\", \"$\"]\n",
		"# Left out: $.only[*]: its rows would have no column: all that is in them stands in tables of its own.\n",
	} {
		if !strings.Contains(string(r.YAML), want) {
			t.Errorf("no %q in\n%s", want, r.YAML)
		}
	}
	if len(r.LeftOut) != 2 {
		t.Errorf("%v", r.LeftOut)
	}
	if r := infertest.RoundTrip(t, nil, `{"Item":{"pk":{"S":"A-1"}}}`); len(r.LeftOut) != 0 {
		t.Errorf("nothing is left out, but %v", r.LeftOut)
	}
}
