package conversion_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"sluice/internal/conversion"
	"sluice/internal/parquetread"
	"sluice/mapping"
)

// TestPresets runs testdata/presets/PRESET.txtar: documents of a platform, each
// with the rows it gives, and the sums of all, by currency, which are written
// by hand. -update writes the rows, but not the sums.
func TestPresets(t *testing.T) {
	files, err := filepath.Glob("testdata/presets/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var tried []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		tried = append(tried, name)
		t.Run(name, func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m := preset(t, name)
			written := slices.DeleteFunc(slices.Clone(a.Files), func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want ") })
			sums := map[string]*big.Rat{}
			now := txtar.Archive{Comment: a.Comment}
			for _, f := range written {
				now.Files = append(now.Files, f)
				if f.Name != "sums" {
					got, _ := describe(t, m, f.Data, f.Name, nil)
					now.Files = append(now.Files, txtar.File{Name: "want " + f.Name, Data: []byte(got)})
					addSums(t, sums, m, f.Data)
				}
			}
			if *update {
				writeFile(t, file, txtar.Format(&now))
			} else if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(&now))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if written[0].Name != "sums" {
				t.Fatalf("%s does not begin with the sums", file)
			}
			want := map[string]string{}
			for line := range strings.Lines(string(written[0].Data)) {
				i := strings.LastIndexByte(line, ' ')
				want[line[:i]] = decimal(t, strings.TrimSpace(line[i:])).FloatString(4)
			}
			got := map[string]string{}
			for of, sum := range sums {
				got[of] = sum.FloatString(4)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sums by currency: -want +got:\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff(platforms(), tried); diff != "" {
		t.Errorf("presets without documents: -want +got:\n%s", diff)
	}
}

// platforms are the presets that are of a platform.
func platforms() []string {
	return slices.DeleteFunc(mapping.Presets(), func(name string) bool { return name == mapping.DefaultPreset })
}

// addSums adds up what the SQL of docs/presets.md does:
// sum(coalesce(subtotal, quantity * unit_price)) of order_lines, and sum(total)
// of orders, by currency.
func addSums(t *testing.T, sums map[string]*big.Rat, m *mapping.Mapping, in []byte) {
	t.Helper()
	for i, rows := range convertTables(t, m, in) {
		table := &m.Tables[i]
		cell := func(row []string, name string) string {
			return row[slices.IndexFunc(table.Columns, func(c mapping.Column) bool { return c.Name == name })]
		}
		for _, row := range rows {
			var amount *big.Rat
			switch table.Name {
			case "orders":
				amount = decimal(t, cell(row, "total"))
			case "order_lines":
				if amount = decimal(t, cell(row, "subtotal")); amount == nil {
					quantity, price := decimal(t, cell(row, "quantity")), decimal(t, cell(row, "unit_price"))
					if quantity != nil && price != nil {
						amount = quantity.Mul(quantity, price)
					}
				}
			}
			if amount != nil {
				currency := cell(row, "currency")
				if currency == parquetread.Null {
					currency = "NULL"
				}
				of := table.Name + " " + currency
				if sums[of] == nil {
					sums[of] = new(big.Rat)
				}
				sums[of].Add(sums[of], amount)
			}
		}
	}
	maps.DeleteFunc(sums, func(_ string, sum *big.Rat) bool { return sum.Sign() == 0 })
}

func decimal(t *testing.T, cell string) *big.Rat {
	t.Helper()
	if cell == parquetread.Null {
		return nil
	}
	d, ok := new(big.Rat).SetString(cell)
	if !ok {
		t.Fatalf("%q is no decimal", cell)
	}
	return d
}

func preset(t *testing.T, name string) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// convertTables converts in and reads the rows of each table.
func convertTables(t *testing.T, m *mapping.Mapping, in []byte) [][][]string {
	t.Helper()
	tables := make([]bytes.Buffer, len(m.Tables))
	outputs := make([]conversion.Output, len(m.Tables))
	for i := range tables {
		outputs[i] = fileOf(t, m, i, &tables[i])
	}
	if _, err := conversion.Run(t.Context(), outputs, bytes.NewReader(in), m, conversion.Options{Codec: "none"}); err != nil {
		t.Fatal(err)
	}
	rows := make([][][]string, len(m.Tables))
	for i := range tables {
		rows[i] = readRows(t, tables[i].Bytes())
	}
	return rows
}

// canonical are the columns that each table of that name begins with, in every
// preset of a platform. docs/presets.md says what they mean.
var canonical = map[string]string{
	"orders": `platform string, order_id string, order_number string, ordered_at timestamp, status string, currency string,
		subtotal decimal(20,4), discount decimal(20,4), shipping decimal(20,4), tax decimal(20,4), total decimal(20,4), customer_id string, customer_email string`,
	"order_lines": `platform string, order_id string, order_number string, ordered_at timestamp, currency string,
		line_id string, product_id string, variant_id string, sku string, title string, quantity decimal(18,5), unit_price decimal(20,4),
		subtotal decimal(20,4), discount decimal(20,4), tax decimal(20,4), total_excl_tax decimal(20,4), total_incl_tax decimal(20,4)`,
	"order_taxes":           `platform string, order_id string, title string, rate double, rate_unit string, amount decimal(20,4), currency string`,
	"order_discounts":       `platform string, order_id string, title string, amount decimal(20,4), currency string`,
	"order_refunds":         `platform string, order_id string, refund_id string, refunded_at timestamp, amount decimal(20,4), currency string`,
	"order_shipping":        `platform string, order_id string, title string, amount decimal(20,4), currency string`,
	"order_line_taxes":      `platform string, order_id string, line_id string, title string, rate double, rate_unit string, amount decimal(20,4), currency string`,
	"order_line_children":   `platform string, order_id string, line_id string, child_id string`,
	"order_fees":            `platform string, order_id string, title string, amount decimal(20,4), currency string`,
	"order_breakdowns":      `platform string, order_id string, type string, amount decimal(20,4), currency string`,
	"order_line_breakdowns": `platform string, order_id string, line_id string, type string, amount decimal(20,4), currency string`,
	"order_line_discounts":  `platform string, order_id string, line_id string, title string, amount decimal(20,4), currency string`,
}

// One SQL answers for all platforms: their tables have the same columns first,
// and the name of the platform in each row.
func TestPresetsCanonical(t *testing.T) {
	for _, name := range platforms() {
		for _, table := range preset(t, name).Tables {
			var columns []string
			for _, c := range table.Columns {
				columns = append(columns, c.Name+" "+c.Type.String())
			}
			want := strings.Split(strings.Join(strings.Fields(canonical[table.Name]), " "), ", ")
			if diff := cmp.Diff(want, columns[:min(len(want), len(columns))]); diff != "" {
				t.Errorf("%s, %s: -want +got:\n%s", name, table.Name, diff)
				continue
			}
			for _, c := range table.Columns[:len(want)] {
				required := slices.Contains([]string{"order_id", "line_id", "child_id", "refund_id"}, c.Name)
				if c.Required != required || c.Bloom != (c.Name == "order_id") || (c.PII != "") != (c.Name == "customer_email") {
					t.Errorf("%s, %s.%s: required is %t, bloom %t, pii %q", name, table.Name, c.Name, c.Required, c.Bloom, c.PII)
				}
			}
			if c := table.Columns[0]; c.Const == nil || *c.Const != platform(name) {
				t.Errorf("%s, %s: the platform is %v", name, table.Name, c.Const)
			}
			if len(table.Explode) > 0 && table.WhenEmpty != mapping.Skip {
				t.Errorf("%s, %s: an order without such rows must stand in orders alone: use when_empty: skip", name, table.Name)
			}
		}
	}
}

// platform is what a preset is of: amazon, of amazon_v0_orders.
func platform(preset string) string {
	name, _, _ := strings.Cut(preset, "_")
	return name
}

var presetExample = regexp.MustCompile("(?s)<!-- before: (\\w+) -->\n```json\n(.*?)```\n\n<!-- after: (\\w+) -->\n```text\n(.*?)```\n")

// TestPresetsDocumented: each document of docs/presets.md gives the rows that
// are written after it. -update writes them.
func TestPresetsDocumented(t *testing.T) {
	const name = "../../docs/presets.md"
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	now := presetExample.ReplaceAllStringFunc(string(page), func(block string) string {
		m := presetExample.FindStringSubmatch(block)
		shown[m[1]] = m[1] == m[3]
		return strings.TrimSuffix(block, m[4]+"```\n") + rowsWithValues(t, preset(t, m[1]), []byte(m[2])) + "```\n"
	})
	for _, name := range platforms() {
		if !shown[name] {
			t.Errorf("docs/presets.md shows no document of %s", name)
		}
	}
	if *update {
		writeFile(t, name, []byte(now))
	} else if diff := cmp.Diff(string(page), now); diff != "" {
		t.Errorf("docs/presets.md: -shown +converted:\n%s", diff)
	}
}

// rowsWithValues writes down the rows of all tables, without the platform and
// the columns that are NULL.
func rowsWithValues(t *testing.T, m *mapping.Mapping, in []byte) string {
	t.Helper()
	var out strings.Builder
	for i, rows := range convertTables(t, m, in) {
		for _, row := range rows {
			out.WriteString(m.Tables[i].Name)
			for j, c := range m.Tables[i].Columns {
				if j > 0 && row[j] != parquetread.Null {
					fmt.Fprintf(&out, " | %s %s", c.Name, row[j])
				}
			}
			out.WriteByte('\n')
		}
	}
	return out.String()
}

// magento_search is magento, with its records elsewhere.
func TestPresetsOfMagento(t *testing.T) {
	one, search := preset(t, "magento"), preset(t, "magento_search")
	search.Records = one.Records
	if diff := cmp.Diff(one.Canonical(), search.Canonical()); diff != "" {
		t.Errorf("-magento +magento_search:\n%s", diff)
	}
}

// TestStripeCurrencies: an amount of 100 is what https://docs.stripe.com/currencies
// says. ISK and UGX have no smaller unit, but two digits in the API.
func TestStripeCurrencies(t *testing.T) {
	m := preset(t, "stripe")
	total := slices.IndexFunc(m.Tables[0].Columns, func(c mapping.Column) bool { return c.Name == "total" })
	for want, currencies := range map[string]string{
		"100.0000": "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF",
		"0.1000":   "BHD JOD KWD OMR TND",
		"1.0000": `AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK
			DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT LAK LBP LKR
			LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
			SBD SCR SEK SGD SHP SLE SLL SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD YER ZAR ZMW`,
	} {
		for _, currency := range strings.Fields(currencies) {
			in := fmt.Sprintf(`{"id":"in_1","currency":%q,"total":100}`, strings.ToLower(currency))
			if rows := convertTables(t, m, []byte(in))[0]; len(rows) != 1 || rows[0][total] != want {
				t.Errorf("100 %s: %q, want %s", currency, rows, want)
			}
		}
	}
}
