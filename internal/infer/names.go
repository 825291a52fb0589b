package infer

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// longestColumn is the length of a column's name that is still read at a
// glance; longer ones lose what stands in front.
const longestColumn = 100

// namer makes names that a mapping can have, each once. It knows by name how
// often it was asked for.
type namer map[string]int

func (n namer) unique(name string) string {
	unused := name
	for n[unused] > 0 {
		n[name]++
		unused = name + "_" + strconv.Itoa(n[name])
	}
	n[unused]++
	return unused
}

// legal is a name for what names of members lead to.
func legal(names []string, otherwise string) string {
	var parts []string
	for _, name := range names {
		if p := strings.Join(words(name), "_"); p != "" {
			parts = append(parts, p)
		}
	}
	for len(parts) > 1 && len(strings.Join(parts, "_")) > longestColumn {
		parts = parts[1:]
	}
	name := strings.Join(parts, "_")
	if len(name) > longestColumn {
		name = strings.TrimRight(name[:longestColumn], "_")
	}
	switch {
	case name == "":
		return otherwise
	case isDigit(name[0]):
		return otherwise + "_" + name
	}
	return name
}

// words are the words of a name, in lower case: those of createdAt are created
// and at, of line_items line and items, of HTTPStatus http and status.
func words(name string) (all []string) {
	runes := []rune(name)
	start := 0
	flush := func(end int) {
		if end > start {
			all = append(all, strings.ToLower(string(runes[start:end])))
		}
	}
	for i, r := range runes {
		if !(r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r))) {
			flush(i)
			start = i + 1
			continue
		}
		if i == start || !unicode.IsUpper(r) {
			continue
		}
		small := func(i int) bool { return i < len(runes) && unicode.IsLower(runes[i]) }
		if !unicode.IsUpper(runes[i-1]) || small(i+1) && !(runes[i+1] == 's' && !small(i+2)) {
			flush(i)
			start = i
		}
	}
	flush(len(runes))
	return all
}

// singular is the word for one of what the name says.
func singular(name string) string {
	switch {
	case strings.HasSuffix(name, "ies") && len(name) > 4:
		return strings.TrimSuffix(name, "ies") + "y"
	case strings.HasSuffix(name, "sses"), strings.HasSuffix(name, "xes"), strings.HasSuffix(name, "ches"):
		return strings.TrimSuffix(name, "es")
	case strings.HasSuffix(name, "s") && !strings.HasSuffix(name, "ss") && !strings.HasSuffix(name, "us") && len(name) > 2:
		return strings.TrimSuffix(name, "s")
	}
	return name
}

// What the words of a name say about its values.

var (
	idWords         = []string{"id", "uuid", "guid", "uid", "oid", "pk", "key", "sku", "ref", "reference", "arn", "urn", "handle", "gid"}
	identifierWords = append([]string{"version", "phone", "mobile", "fax", "tel", "telephone", "zip", "postal", "postcode", "zipcode", "code", "ip", "number", "no", "num",
		"barcode", "ean", "gtin", "upc", "isbn", "iban", "bic", "account", "serial", "token", "hash", "checksum", "build", "release"}, idWords...)
	moneyWords = []string{"price", "prices", "amount", "amounts", "total", "totals", "subtotal", "tax", "taxes", "cost", "costs", "fee", "fees", "discount", "discounts", "money", "paid", "refund", "refunded",
		"balance", "net", "gross", "revenue", "charge", "charged", "tip", "duty", "vat", "payment", "value", "cents", "shipping"}
	// numberWords are those of numbers, however many digits their texts have.
	numberWords = append([]string{"rate", "rates", "weight", "quantity", "qty", "percent", "percentage", "width", "height", "length", "depth", "size", "lat", "latitude", "lon", "lng", "longitude",
		"score", "rating", "volume", "area", "distance", "duration", "temperature", "sum", "average", "avg", "mean", "median", "min", "max", "ratio", "factor", "margin", "credit", "debit"}, moneyWords...)
	timeWords = []string{"at", "ts", "time", "timestamp", "date", "datetime", "epoch", "created", "updated", "modified", "changed", "expires", "expired", "expiry", "expiration",
		"since", "until", "start", "end", "started", "ended", "deadline", "utc", "ms", "millis", "seconds", "canceled", "cancelled", "on"}
)

// isTime reports whether a name says that its values are times: its last word
// does. Those of created_by and time_zone_offset do not.
func isTime(name string) bool { return last(name, timeWords) }

// last reports whether the name ends with one of the words.
func last(name string, of []string) bool {
	w := words(name)
	return len(w) > 0 && slices.Contains(of, w[len(w)-1])
}

// has reports whether one of the words is in the name.
func has(name string, of []string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool { return slices.Contains(of, w) })
}

// personal are the kinds of personal data, by the words that end a name. person
// says that they are only that in an object about a person.
var personal = []struct {
	pii    string
	names  []string
	person bool
}{
	{"ip", []string{"ip", "ip_address", "ipaddress", "ip_addr", "client_ip", "remote_addr"}, false},
	{"email", []string{"email", "emails", "e_mail", "mail", "email_address"}, false},
	{"phone", []string{"phone", "phones", "mobile", "telephone", "fax", "phone_number", "mobile_number", "tel"}, false},
	{"name", []string{"first_name", "last_name", "full_name", "given_name", "family_name", "middle_name", "firstname", "lastname", "fullname", "surname", "nickname", "maiden_name"}, false},
	{"name", []string{"name", "given", "family", "display_name", "user_name", "username", "login"}, true},
	{"address", []string{"address", "address1", "address2", "address_1", "address_2", "address_line1", "address_line2", "address_line_1", "address_line_2", "street", "street_address", "street_1", "street_2", "postcode", "postal_code", "zip_code", "zip"}, false},
	{"address", []string{"city", "line", "line1", "line2", "line_1", "line_2", "district"}, true},
	{"birth_date", []string{"birth_date", "birthdate", "birthday", "date_of_birth", "dob"}, false},
	{"national_id", []string{"ssn", "social_security_number", "passport_number", "tax_id"}, false},
	{"bank_account", []string{"iban", "account_number", "card_number"}, false},
}

var personWords = []string{"customer", "user", "users", "person", "people", "billing", "contact", "contacts", "author", "owner", "recipient", "buyer", "seller", "employee", "patient", "actor", "sender",
	"address", "addresses", "name", "member", "subscriber", "committer", "attendee", "guest", "profile"}

// piiOf is the kind of personal data that the names leading to a value say.
func piiOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	name := strings.Join(words(names[len(names)-1]), "_")
	about := slices.ContainsFunc(names[:len(names)-1], func(n string) bool { return has(n, personWords) })
	for _, p := range personal {
		for _, n := range p.names {
			if (name == n || strings.HasSuffix(name, "_"+n) && !p.person) && (about || !p.person) {
				return p.pii
			}
		}
	}
	return ""
}
