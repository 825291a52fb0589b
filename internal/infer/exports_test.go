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
		tables  string // names, with the paths of explode
		columns string // table.column, its type and keys
	}{{
		name: "GitHub events", records: anywhere,
		text: `[
{"id":"22249084947","type":"PushEvent","actor":{"id":583231,"login":"octo","avatar_url":"https://example.com/a"},"repo":{"id":1296269,"name":"octo/hello","url":"https://example.com/r"},
 "payload":{"push_id":10115855396,"size":2,"ref":"refs/heads/main","commits":[{"sha":"7a8f3a","author":{"email":"octo@example.com","name":"Octo"},"message":"a","distinct":true},{"sha":"7a8f3b","author":{"email":"cat@example.com","name":"Cat"},"message":"b","distinct":false}]},
 "public":true,"created_at":"2022-06-09T12:47:28Z"},
{"id":"22249084964","type":"WatchEvent","actor":{"id":583232,"login":"cat","avatar_url":"https://example.com/b"},"repo":{"id":1296270,"name":"cat/hello","url":"https://example.com/s"},
 "payload":{"action":"started"},"public":false,"created_at":"2022-06-07T07:50:26Z","org":{"id":9919,"login":"org"}},
{"id":"22249084965","type":"IssuesEvent","actor":{"id":583232,"login":"cat","avatar_url":"https://example.com/b"},"repo":{"id":1296270,"name":"cat/hello","url":"https://example.com/s"},
 "payload":{"action":"opened","issue":{"number":7,"labels":[{"id":1,"name":"bug"},{"id":2,"name":"help"}],"assignees":[],"body":null}},"public":false,"created_at":"2022-06-07T07:50:27Z"}]`,
		tables: "records; payload_commits $.payload.commits[*]; payload_issue_labels $.payload.issue.labels[*]",
		columns: `records.id string required bloom; records.actor_id int64 required; records.created_at timestamp required; records.public boolean required;
payload_commits.record_id string required bloom; payload_commits.author_email string required pii=email; payload_issue_labels.name string required`,
	}, {
		name: "CloudTrail", records: []string{"$.Records[*]"},
		text: `{"Records":[
{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/a","accountId":"111122223333","sessionContext":{"attributes":{"creationDate":"2023-07-19T21:11:57Z","mfaAuthenticated":"false"}}},
 "eventTime":"2023-07-19T21:17:28Z","eventSource":"ec2.amazonaws.com","eventName":"StartInstances","sourceIPAddress":"192.0.2.0","requestParameters":{"instancesSet":{"items":[{"instanceId":"i-0a"},{"instanceId":"i-0b"}]}},
 "responseElements":null,"eventID":"e755e09c-42f9-4c5c-9064-example00001","readOnly":false,"resources":[{"ARN":"arn:aws:s3:::b","type":"AWS::S3::Object"}],"recipientAccountId":"011122223333"},
{"eventVersion":"1.08","userIdentity":{"type":"AWSService","invokedBy":"x.amazonaws.com"},"eventTime":"2023-07-19T21:17:29Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","sourceIPAddress":"192.0.2.1",
 "requestParameters":{"bucketName":"b","key":"k"},"responseElements":{"x":1},"eventID":"e755e09c-42f9-4c5c-9064-example00002","readOnly":true,"additionalEventData":{"bytesTransferredIn":0,"bytesTransferredOut":1024.0},"recipientAccountId":"111122223333"}]}`,
		tables: "records; request_parameters_instances_set_items $.requestParameters.instancesSet.items[*]; resources $.resources[*]",
		columns: `records.event_version string required; records.event_time timestamp required; records.source_ip_address string required pii=ip; records.user_identity_account_id string bloom;
records.user_identity_session_context_attributes_mfa_authenticated boolean; records.recipient_account_id string required bloom; resources.record_event_id string required bloom`,
	}, {
		name: "OTLP traces", records: []string{"$.resourceSpans[*]"},
		text: `{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"lib","version":"1.0.0"},"spans":[
{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","name":"a","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","kind":2,"attributes":[{"key":"k","value":{"stringValue":"v"}},{"key":"n","value":{"intValue":"5"}}]},
{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B175","parentSpanId":"EEE19B7EC3C1B174","name":"b","startTimeUnixNano":"1544712660000000001","endTimeUnixNano":"1544712661000000000","kind":3,"attributes":[],"events":[{"timeUnixNano":"1544712660000000002","name":"e"}]}]}]}]}
{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[]}]}`,
		tables: "resource_attributes $.resource.attributes[*]; scope_spans $.scopeSpans[*]; scope_spans_spans $.scopeSpans[*].spans[*]",
		columns: `scope_spans_spans.trace_id string required bloom; scope_spans_spans.start_time_unix_nano string required; scope_spans_spans.kind int64 required;
scope_spans_spans.attributes json required; resource_attributes.value_string_value string required; scope_spans.scope_version string required`,
	}, {
		name: "GeoJSON", records: []string{"$.features[*]"},
		text: `{"type":"FeatureCollection","features":[
{"type":"Feature","id":1,"properties":{"name":"A","pop":1234},"geometry":{"type":"Point","coordinates":[13.404954,52.520008]}},
{"type":"Feature","id":2,"properties":{"name":"B","pop":null},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}}]}`,
		tables:  "features",
		columns: `features.id int64 required; features.geometry_coordinates json required; features.properties_pop int64`,
	}, {
		name: "GeoJSON points", records: []string{"$.features[*]"},
		text:    `{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[13.404954,52.520008]}},{"type":"Feature","geometry":null}]}`,
		tables:  "features",
		columns: `features.geometry_coordinates list<decimal(18,8)>`,
	}, {
		name: "DynamoDB export", records: []string{"$.Item"},
		text: `{"Item":{"pk":{"S":"ORDER#1"},"total":{"N":"12.50"},"count":{"N":"3"},"paid":{"BOOL":true},"note":{"NULL":true},"tags":{"SS":["a","b"]},"sizes":{"NS":["1","2.5"]},"lines":{"L":[{"M":{"sku":{"S":"A-1"},"qty":{"N":"2"},"options":{"M":{"color":{"S":"red"}}}}}]},"by_day":{"M":{"2024-01-01":{"N":"1"},"2024-01-02":{"N":"2"}}}}}
{"Item":{"pk":{"S":"ORDER#2"},"total":{"N":"7"},"count":{"N":"12"},"paid":{"BOOL":false},"note":{"S":"x"},"lines":{"L":[]}}}`,
		tables: "item; lines $.lines[*]; by_day $.by_day.*",
		columns: `item.pk string required; item.total decimal(18,4) required; item.count int64 required; item.paid boolean required; item.note string; item.tags list<string>; item.sizes list<decimal(18,4)>;
lines.qty int64 required; lines.options_color string required; by_day.key string required; by_day.value int64 required`,
	}, {
		name: "MongoDB export", records: anywhere,
		text: `{"_id":{"$oid":"507f1f77bcf86cd799439011"},"created":{"$date":"2024-01-10T08:30:00.123Z"},"total":{"$numberDecimal":"12.50"},"n":{"$numberLong":"9007199254740993"},"lines":[{"sku":"A-1","qty":{"$numberInt":"2"},"weight":{"$numberDouble":"1.5"}}]}
{"_id":{"$oid":"507f1f77bcf86cd799439012"},"created":{"$date":{"$numberLong":"1704875400000"}},"total":{"$numberDecimal":"7"},"n":{"$numberLong":"1"},"lines":[]}`,
		tables:  "records; lines $.lines[*]",
		columns: `records.id string required bloom; records.created timestamp required; records.total decimal(18,4) required; records.n int64 required; lines.record_id string required bloom; lines.qty int64 required; lines.weight decimal(18,4) required`,
	}, {
		name: "Firebase, one document keyed by ids", records: []string{"$"},
		text: `{"users":{"-NqA1b2C3d4E5f6G7h8I":{"name":"A","email":"a@example.com","orders":{"-NqB1b2C3d4E5f6G7h8I":{"total":12.5},"-NqC1b2C3d4E5f6G7h8I":{"total":3}}},"-NqD1b2C3d4E5f6G7h8I":{"name":"B","email":"b@example.com"}},
"presence":{"-NqA1b2C3d4E5f6G7h8I":true,"-NqD1b2C3d4E5f6G7h8I":false},"settings":{"theme":"dark"}}`,
		tables: "records; users $.users.*; users_orders $.users.*.orders.*; presence $.presence.*",
		columns: `records.settings_theme string required; users.key string required; users.email string required pii=email; users_orders.user_key string required; users_orders.key string required;
users_orders.total decimal(18,4) required; presence.value boolean required`,
	}, {
		name: "objects keyed by ids, the whole document", records: []string{"$"},
		text:    `{"A-100001":{"sku":"x","price":"1.50"},"A-100002":{"sku":"y","price":"2.00"},"A-100003":{"sku":"z"}}`,
		tables:  "records $.*",
		columns: `records.key string required; records.sku string required bloom; records.price decimal(18,4)`,
	}, {
		name: "FHIR bundle", records: []string{"$.entry[*].resource"},
		text: `{"resourceType":"Bundle","type":"searchset","total":2,"entry":[
{"fullUrl":"urn:1","resource":{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2024-01-10T08:30:00.000+01:00"},"active":true,"name":[{"family":"Example","given":["Ann","B"]}],"birthDate":"1985-05-01","address":[{"line":["1 Road"],"postalCode":"00123"}],"identifier":[{"system":"urn:x","value":"000123"}]}},
{"fullUrl":"urn:2","resource":{"resourceType":"Observation","id":"o1","meta":{"lastUpdated":"2024-01-10T08:31:00.000+01:00"},"status":"final","code":{"coding":[{"system":"http://example.com","code":"8867-4"}]},"valueQuantity":{"value":80.5,"unit":"/min"},"component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":1}}]}}]}`,
		tables: "resource; name $.name[*]; address $.address[*]; identifier $.identifier[*]; code_coding $.code.coding[*]; component $.component[*]; component_code_coding $.component[*].code.coding[*]",
		columns: `resource.id string required bloom; resource.birth_date date pii=birth_date; resource.meta_last_updated timestamp required; name.resource_id string required bloom; name.given list<string> required pii=name; name.family string required pii=name;
identifier.value string required; component.value_quantity_value int64 required`,
	}, {
		name: "Stripe events", records: []string{"$.data[*]"},
		text: `{"object":"list","has_more":false,"url":"/v1/events","data":[
{"id":"evt_1","object":"event","api_version":"2024-06-20","created":1720000000,"data":{"object":{"id":"ch_1","object":"charge","amount":1099,"currency":"usd","customer":null,"metadata":{},"refunds":{"object":"list","data":[{"id":"re_1","amount":100,"created":1720000001}]}}},"livemode":false,"type":"charge.refunded"},
{"id":"evt_2","object":"event","api_version":"2024-06-20","created":1720000002,"data":{"object":{"id":"cus_1","object":"customer","currency":null,"metadata":{"order":"7"},"email":"a@example.com"},"previous_attributes":{"email":null}},"livemode":false,"type":"customer.updated"}]}`,
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
