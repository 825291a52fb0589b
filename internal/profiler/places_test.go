package profiler_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"sluice/internal/infer/infertest"
	"sluice/internal/profiler"
	"sluice/mapping"
)

// The places of records in documents as APIs, services and exports write them.
func TestPlaces(t *testing.T) {
	order := func(i int) string {
		return fmt.Sprintf(`{"id":"A-%d","total":"12.50","line_items":[{"id":%d,"sku":"S-1"},{"id":%d,"sku":"S-2"}]}`, i, 2*i, 2*i+1)
	}
	orders := order(1) + "," + order(2) + "," + order(3)
	for _, c := range []struct{ name, document, path, why string }{
		{"array", `[` + orders + `]`, "$[*]", "the document is an array"},
		{"empty array", `[]`, "$[*]", "the document is an array"},
		{"ndjson", order(1) + "\n" + order(2) + "\n", "$", "identifier"},
		{"concatenated", order(1) + order(2), "$", "identifier"},
		{"one order", order(1), "$", "identifier"},
		{"one order, lines first", `{"line_items":[{"sku":"S-1"}],"total":"12.50","order_number":"A-1"}`, "$", "identifier"},
		{"one order without an identifier", `{"customer":{"name":"Ada"},"date":"2024-03-10","items":[{"sku":"S-1"},{"sku":"S-2"}]}`, "$", "values of its own"},
		{"one order, status and total", `{"status":"paid","total":25.5,"items":[{"sku":"S-1"},{"sku":"S-2"}]}`, "$", "values of its own"},
		{"flat record", `{"a":1,"b":"x"}`, "$", "no array of objects"},
		{"wrapper", `{"orders":[` + orders + `]}`, "$.orders[*]", "nothing stands beside"},
		{"wrapper of none", `{"orders":[],"count":0}`, "$.orders[*]", "describes the list"},
		{"wrapper of null", `{"orders":null,"count":0}`, "$.orders[*]", "describes the list"},
		{"record with null", `{"level":"info","data":null}`, "$", "values of its own"},
		{"null, then an object", `{"data":null}` + "\n" + `{"data":{"id":1}}` + "\n", "$", "a later document"},
		{"pages", `{"page":1,"orders":[` + orders + `],"next":null}` + "\n" + `{"page":2,"orders":[` + orders + `],"next":null}`, "$.orders[*]", "describes the list"},
		{"wrapped order", `{"order":` + order(1) + `}`, "$.order", "identifier"},
		{"wrapped orders on lines", `{"order":` + order(1) + `}` + "\n" + `{"order":` + order(2) + `}`, "$.order", "identifier"},
		{"array of wrapped orders", `[{"order":` + order(1) + `},{"order":` + order(2) + `}]`, "$[*].order", "array"},
		{"SP-API", `{"payload":{"Orders":[{"AmazonOrderId":"1","OrderTotal":{"Amount":"11.01"}}],"NextToken":"x","CreatedBefore":"1.5E9"}}`, "$.payload.Orders[*]", "describes the list"},
		{"GraphQL", `{"data":{"orders":{"edges":[{"cursor":"a","node":` + order(1) + `},{"cursor":"b","node":` + order(2) + `}],"pageInfo":{"hasNextPage":true}}},"extensions":{"cost":{"requested":5}}}`, "$.data.orders.edges[*].node", "describes the list"},
		{"GraphQL nodes", `{"data":{"orders":{"nodes":[` + orders + `]}}}`, "$.data.orders.nodes[*]", "nothing"},
		{"GraphQL one", `{"data":{"order":{"id":"A-1","lineItems":{"edges":[{"node":{"id":1}}]}}}}`, "$.data.order", "identifier"},
		{"CloudTrail", `{"Records":[{"eventVersion":"1.08","eventID":"1","resources":[{"ARN":"x"}]},{"eventVersion":"1.08","eventID":"2"}]}`, "$.Records[*]", "nothing"},
		{"OTLP", `{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[{"spans":[{"name":"a"}]}]}]}`, "$.resourceSpans[*]", "nothing"},
		{"GeoJSON", `{"type":"FeatureCollection","name":"shops","crs":{"type":"name","properties":{"name":"x"}},"features":[{"type":"Feature","properties":{"id":1},"geometry":{"type":"Point","coordinates":[1,2]}}]}`, "$.features[*]", "describes the list"},
		{"GeoJSON feature", `{"type":"Feature","properties":{"id":1},"geometry":{"type":"Point","coordinates":[1,2]}}`, "$", "no array"},
		{"FHIR bundle", `{"resourceType":"Bundle","id":"b-1","type":"searchset","total":2,"link":[{"relation":"self","url":"https://example.com"}],"entry":[{"fullUrl":"u","resource":{"resourceType":"Patient","id":"1"}}]}`, "$.entry[*]", "describes the list"},
		{"Stripe list", `{"object":"list","url":"/v1/charges","has_more":false,"data":[{"id":"ch_1","object":"charge","refunds":{"object":"list","data":[]}}]}`, "$.data[*]", "describes the list"},
		{"Stripe event", `{"id":"evt_1","object":"event","data":{"object":{"id":"in_1","lines":{"object":"list","data":[{"id":"il_1"}]}}}}`, "$", "identifier"},
		{"Stripe invoice", `{"id":"in_1","object":"invoice","lines":{"object":"list","data":[{"id":"il_1"},{"id":"il_2"}],"has_more":false,"url":"/v1/lines"}}`, "$", "identifier"},
		{"DynamoDB export", `{"Item":{"id":{"S":"A-1"},"lines":{"L":[{"M":{"sku":{"S":"S-1"}}}]}}}` + "\n" + `{"Item":{"id":{"S":"A-2"}}}`, "$.Item", "values of its own"},
		{"DynamoDB scan", `{"Items":[{"id":{"S":"A-1"}},{"id":{"S":"A-2"}}],"Count":2,"ScannedCount":2,"ConsumedCapacity":null}`, "$.Items[*]", "describes the list"},
		{"Firebase", `{"orders":{"-Nx1":` + order(1) + `,"-Nx2":` + order(2) + `}}`, "$", "no array"},
		{"Firebase, one", `{"orders":{"-Nx1":` + order(1) + `}}`, "$", "no array"},
		{"MongoDB", `{"_id":{"$oid":"5f0000000000000000000001"},"items":[{"sku":"S-1"}]}`, "$", "values of its own"},
		{"Elasticsearch", `{"took":5,"timed_out":false,"_shards":{"total":1},"hits":{"total":{"value":2,"relation":"eq"},"max_score":1.0,"hits":[{"_index":"o","_id":"1","_source":` + order(1) + `},{"_index":"o","_id":"2","_source":` + order(2) + `}]}}`, "$.hits.hits[*]", "describes the list"},
		{"Spring page", `{"content":[` + orders + `],"pageable":{"sort":{"sorted":true},"offset":0},"totalElements":3,"totalPages":1,"last":true,"number":0,"size":20,"first":true,"numberOfElements":3,"empty":false}`, "$.content[*]", "describes the list"},
		{"HAL", `{"_links":{"self":{"href":"/orders"}},"_embedded":{"orders":[` + orders + `]},"count":3}`, "$._embedded.orders[*]", "describes the list"},
		{"JSON:API", `{"data":[{"id":"1","type":"orders","attributes":{"total":"12"}}],"links":{"self":"x"},"meta":{"total":1}}`, "$.data[*]", "describes the list"},
		{"OData", `{"@odata.context":"https://example.com/$metadata#Orders","value":[` + orders + `],"@odata.nextLink":"https://example.com"}`, "$.value[*]", "describes the list"},
		{"Magento search", `{"items":[{"entity_id":1,"items":[{"sku":"S-1"}]}],"search_criteria":{"filter_groups":[]},"total_count":1}`, "$.items[*]", "describes the list"},
		{"named shop", `{"shop":"example.com","currency":"EUR","orders":[` + orders + `]}`, "$", "values of its own"},
		{"customer's orders", `{"customer":"Ada","total":"9.50","orders":[` + orders + `]}`, "$", "values of its own"},
		{"a user's data", `{"user":"ada","data":[` + orders + `]}`, "$", "values of its own"},
		{"a name", `{"first":"Ada","last":"Example","results":[` + orders + `]}`, "$", "values of its own"},
		{"later members", `{"items":[{"sku":"A-1"}]}` + "\n" + `{"items":[{"sku":"A-2"}],"order_id":7,"total":"99.50"}`, "$", "one of the documents has values"},
		{"later members, far behind", strings.Repeat(`{"items":[{"sku":"A-1"}]}`+"\n", 5000) + `{"note":"x","items":[{"sku":"A-2"}]}`, "$", "one of the documents has values"},
		{"later list", `{"orders":[{"a":1}],"refunds":[]}` + "\n" + `{"orders":[{"a":2}],"refunds":[{"a":9}]}`, "$", "one of the documents has values"},
		{"later document without the array, far behind", strings.Repeat(`{"items":[{"sku":"A-1"}]}`+"\n", 5000) + `{"note":"x"}`, "$", "a later document"},
		{"much around the array", `{"next":"` + strings.Repeat("x", 1<<20) + `","items":[{"sku":"A-1"}]}` + "\n" + `{"items":[],"next":"` + strings.Repeat("x", 1<<20) + `"}`, "$", "one of the documents has values"},
		{"two lists", `{"orders":[` + orders + `],"customers":[{"id":"C-1"}]}`, "$", "several arrays"},
		{"Walmart", `{"list":{"meta":{"totalCount":2,"limit":10},"elements":{"order":[{"purchaseOrderId":"1"},{"purchaseOrderId":"2"}]}}}`, "$.list.elements.order[*]", "describes the list"},
		{"Square", `{"orders":[` + orders + `],"errors":[],"cursor":"x"}`, "$.orders[*]", "describes the list"},
		{"status wrapper", `{"status":"ok","code":200,"message":"OK","result":null,"data":[` + orders + `]}`, "$.data[*]", "describes the list"},
		{"a later document without the array", `{"orders":[` + order(1) + `]}` + "\n" + `{"refund":"R-1"}`, "$", "a later document"},
		{"scalars", "1\n2\n", "$", "neither"},
		{"rows as arrays", `{"columns":["a"],"rows":[[1],[2]]}`, "$", "no array of objects"},
		{"deep sole object", `{"log":{"level":"info","text":"x"}}`, "$.log", "no array"},
		{"count and an item", `{"count":5,"item":{"sku":"S-1","price":1}}`, "$", "no array"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := run(t, profiler.Options{Threads: 1, Limits: mapping.DefaultLimits}, text("a.json", c.document))
			profiler.Unwrap(p)
			if len(p.Places) != 1 || p.Places[0].Path != c.path || !strings.Contains(strings.Join(p.Places[0].Why, " "), c.why) {
				t.Fatalf("places are %+v, not %s (%s)", p.Places, c.path, c.why)
			}
			if p.Root.Values() == 0 && p.Records > 0 {
				t.Fatal("no record was counted")
			}
			if p.Records > 0 && p.Records < 1000 { // no mapping is made of nothing
				infertest.RoundTrip(t, nil, c.document)
			}
		})
	}
}

// What stands beside the records, and the arrays that were not taken for them.
func TestPlacesLeftOut(t *testing.T) {
	p := run(t, profiler.Options{Limits: mapping.DefaultLimits}, text("a.json", `{"count":1,"data":{"orders":[{"id":1}],"pageInfo":{"next":1}}}`),
		text("b.json", `{"id":1,"lines":[{"id":2}],"taxes":[{"rate":"0.1"}]}`))
	if got := fmt.Sprint(p.Places); got != "[{$ 1 [an identifier stands beside the array, so the document is one record] []} {$.data.orders[*] 1 [what stands beside the array only describes the list] [count pageInfo]}]" {
		t.Error(got)
	}
	if got := fmt.Sprint(p.Others); got != "[{$.lines[*] 1 [an identifier stands beside the array, so the document is one record] [id taxes]} {$.taxes[*] 1 [an identifier stands beside the array, so the document is one record] [id lines]}]" {
		t.Error(got)
	}
}

// A wrapper that is not held whole, with text that is no JSON far behind.
func TestPlaceInLargeDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"count":2,"orders":[`)
	for i := 0; b.Len() < 20<<20; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"note":"%s"}`, i, strings.Repeat("x", 1000))
	}
	b.WriteString(`],"id":1}`)
	large := b.String()
	limits := mapping.DefaultLimits
	for _, c := range []struct {
		record int64
		path   string
	}{{64 << 20, "$"}, {1 << 20, "$.orders[*]"}} { // its id is lost only if it cannot be a record
		limits.RecordBytes = c.record
		p := run(t, profiler.Options{Limits: limits}, text("a.json", large))
		if p.Places[0].Path != c.path || p.Root.Records != p.Records || (p.Records == 1) != (c.path == "$") {
			t.Errorf("record_bytes %d: %+v, %d records", c.record, p.Places, p.Records)
		}
	}
}

// A stream cannot be read again when a later document shows that the documents
// are the records. Nothing is lost in silence.
func TestOnce(t *testing.T) {
	in := text("-", `{"items":[{"sku":"A-1"}]}{"items":[{"sku":"A-2"}],"order_id":7}`)
	in.Once = true
	_, err := profiler.Run(context.Background(), []profiler.Input{in}, profiler.Options{Limits: mapping.DefaultLimits})
	if err == nil || !strings.Contains(err.Error(), "$.items[*]") || !strings.Contains(err.Error(), "write it to a file") {
		t.Error(err)
	}
}

// All that stands beside the records of any document is named.
func TestBesideOfAll(t *testing.T) {
	p := run(t, profiler.Options{Limits: mapping.DefaultLimits}, text("a.json", `{"items":[{"sku":"A-1"}]}{"next":null,"items":[{"sku":"A-2"}],"has_more":false}`))
	if got := fmt.Sprint(p.Places); got != "[{$.items[*] 1 [nothing stands beside the array] [has_more next]}]" {
		t.Error(got)
	}
}

// What stands before the fault of a broken input is judged as all else is.
func TestBroken(t *testing.T) {
	for _, c := range []struct{ text, place string }{
		{`{"items":[{"sku":"A-1"}]}{"next":null,"items":[{"sku":"A-2"},`, "{$.items[*] 2 [nothing stands beside the array] [next]}"},
		{`{"items":[{"sku":"A-1"}]}{"items":[{"sku":"A-2"}],"order_id":7}{"items":[`, "{$ 2 [" + whyOwn + "] []}"},
		{`{"items":[{"sku":"A-1"}]}{"order_id":7,"items":[{"sku":"A-2"},`, "{$ 2 [" + whyOwn + "] []}"},
	} {
		broken := 0
		opts := profiler.Options{Limits: mapping.DefaultLimits, Rejected: func(string, error) { broken++ }}
		p := run(t, opts, text("a.json", c.text), text("b.json", `{"items":[{"sku":"A-3"}]}`))
		if got := fmt.Sprint(p.Places); got != "["+c.place+"]" || broken > 1 {
			t.Errorf("%s: %s, %d inputs rejected", c.text, got, broken)
		}
	}
}

const whyOwn = "one of the documents has values of its own beside the array, so each document is a record"

// A path of one input must not lead into the records of another.
func TestContradictions(t *testing.T) {
	page, customer := `{"orders":[{"id":1},{"id":2}]}`, `{"id":"C-1","orders":[{"id":1}]}`
	for _, docs := range [][2]string{
		{page, customer},
		{page, `{"id":"C-1","orders":null}`},
		{`{"a":[{"id":1}]}`, `{"b":[{"id":1},{"id":2}],"a":[]}`},
	} {
		for range 2 {
			inputs := []profiler.Input{text("a.json", docs[0]), text("b.json", docs[1])}
			_, err := profiler.Run(context.Background(), inputs, profiler.Options{Threads: 2, Limits: mapping.DefaultLimits})
			if err == nil || !strings.Contains(err.Error(), "a.json") || !strings.Contains(err.Error(), "b.json") {
				t.Errorf("%s: %v", docs, err)
			}
			docs[0], docs[1] = docs[1], docs[0]
		}
	}
	p := run(t, profiler.Options{Limits: mapping.DefaultLimits}, text("a.json", page), text("b.json", `[{"id":1}]`), text("c.json", `{"id":1}`),
		text("d.json", `{"orders":null}`), text("e.json", `{"orders":[]}`))
	var paths []string
	for _, place := range p.Places {
		paths = append(paths, place.Path)
	}
	if got := strings.Join(paths, " "); got != "$ $.orders[*] $[*]" {
		t.Error(got)
	}
}
