package parquetread

import (
	"bytes"
	"encoding/json"

	"github.com/parquet-go/parquet-go"

	"sluice/schema"
)

// Definition levels in a column of lists: the row has no list, its list is empty,
// or the value is NULL. Any higher level is that of a value.
const (
	nullList = iota
	emptyList
	nullValue
)

// list writes the values of a list as a JSON array: numbers and booleans as they
// are, null, and all else in quotes.
func list(values parquet.Row, t schema.Type) string {
	switch values[0].DefinitionLevel() {
	case nullList:
		return Null
	case emptyList:
		return "[]"
	}
	var b bytes.Buffer
	quote := json.NewEncoder(&b)
	quote.SetEscapeHTML(false)
	for i, v := range values {
		b.WriteByte("[,"[min(i, 1)])
		switch text := cell(v, t); {
		case v.DefinitionLevel() == nullValue:
			b.WriteString("null")
		case t.Kind == schema.String || t.Kind == schema.Date || t.Kind == schema.Timestamp:
			_ = quote.Encode(text) // a buffer takes everything
			b.Truncate(b.Len() - len("\n"))
		default:
			b.WriteString(text)
		}
	}
	b.WriteByte(']')
	return b.String()
}
