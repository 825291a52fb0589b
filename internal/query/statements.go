package query

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/schema"
)

// Statements prepare an empty database in memory: limits, views, and the files that
// stay allowed after [Lock], which are those of the tables and output, if that is
// not empty.
func Statements(tables []Table, limits Limits, output string) []string {
	all := []string{
		fmt.Sprintf("SET threads = %d", max(limits.Threads, 1)),
		fmt.Sprintf("SET memory_limit = '%dB'", limits.Memory),
		"SET temp_directory = ''", // what does not fit in memory is an error
		"SET TimeZone = 'UTC'",
		"SET autoinstall_known_extensions = false",
		"SET autoload_known_extensions = false",
		"SET allow_community_extensions = false",
	}
	var allowed []string
	for i := range tables {
		all = append(all, view(&tables[i]))
		if tables[i].Absent != "" {
			continue
		}
		for _, f := range tables[i].Files {
			allowed = append(allowed, literal(f.Name))
		}
	}
	if output != "" {
		allowed = append(allowed, literal(output))
	}
	return append(all, "SET allowed_paths = ["+strings.Join(allowed, ", ")+"]")
}

// Lock are the statements after which DuckDB reads only the allowed files, and no
// setting can be changed.
// https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview
var Lock = []string{"SET enable_external_access = false", "SET lock_configuration = true"}

// Locked is a query for "falsetrue": the settings, after Lock.
const Locked = "SELECT current_setting('enable_external_access')::VARCHAR || current_setting('lock_configuration')::VARCHAR"

// IsLocked is what Locked gives.
const IsLocked = "falsetrue"

// view makes the view of a table. The columns of the schema come first, from a
// query without rows, so they are there without any file; then the files, those
// with the same columns together, since DuckDB only looks at the first of these
// for their names and types.
func view(t *Table) string {
	if t.Absent != "" {
		columns := nulls(t.Schema.Columns)
		if columns == "" {
			columns = "NULL AS unknown"
		}
		return "CREATE VIEW " + identifier(t.Schema.Table) + " AS SELECT " + columns + " WHERE error(" + literal(t.Absent) + ") IS NULL"
	}
	terms := []string{"(SELECT " + nulls(t.Schema.Columns) + " LIMIT 0)"}
	if len(t.Schema.Columns) == 0 {
		terms = nil
	}
	type group struct {
		columns   string
		constants string // the names of columns
		masked    bool
	}
	files := map[group][]*File{}
	var groups []group
	for i := range t.Files {
		f := &t.Files[i]
		g := group{f.Columns, strings.Join(slices.Sorted(maps.Keys(f.Constants)), "\n"), len(f.Masked) > 0}
		if files[g] == nil {
			groups = append(groups, g)
		}
		files[g] = append(files[g], f)
	}
	for _, g := range groups {
		read := fmt.Sprintf("read_parquet([%s], union_by_name = %t, hive_partitioning = false)", names(files[g]), g.columns == "")
		columns := "data.*"
		if first := files[g][0]; first.Names != nil {
			columns = named(t.Schema.Columns, first)
		}
		if g.masked || g.constants != "" {
			read = rows(columns, read, files[g], slices.Sorted(maps.Keys(files[g][0].Constants)))
		} else {
			read = "SELECT " + columns + " FROM " + read + " AS data"
		}
		terms = append(terms, "("+read+")")
	}
	return "CREATE VIEW " + identifier(t.Schema.Table) + " AS " + strings.Join(terms, " UNION ALL BY NAME ")
}

func names(files []*File) string {
	all := make([]string, len(files))
	for i, f := range files {
		all[i] = literal(f.Name)
	}
	return strings.Join(all, ", ")
}

// rows are the rows of files that are not masked, with constants. DuckDB's option
// filename would be in the way of a column of that name; file_index, the place in the
// list, is a virtual column.
func rows(columns, read string, files []*File, constants []string) string {
	from := "SELECT " + columns
	for _, column := range constants {
		from += ", constants." + identifier(column)
	}
	from += " FROM " + read + " AS data"
	if len(constants) > 0 {
		lists := fmt.Sprintf("unnest(range(%d)) AS file", len(files))
		for _, column := range constants {
			values := make([]string, len(files))
			for i, f := range files {
				values[i] = literal(f.Constants[column])
			}
			lists += ", unnest([" + strings.Join(values, ", ") + "]) AS " + identifier(column)
		}
		from += " JOIN (SELECT " + lists + ") AS constants ON data.file_index = constants.file"
	}
	if masked := maskedRows(files); masked != "" {
		from += " ANTI JOIN (" + masked + ") AS masked ON data.file_index = masked.file AND data.file_row_number = masked.row_number"
	}
	return from
}

// maskedRows are the masked rows of files, if there are any. Ranges go as lists in
// texts, which DuckDB parses without a syntax tree for each number.
func maskedRows(files []*File) string {
	var at, from, to strings.Builder
	for i, f := range files {
		for _, m := range f.Masked {
			fmt.Fprintf(&at, "%d,", i)
			fmt.Fprintf(&from, "%d,", m.From)
			fmt.Fprintf(&to, "%d,", m.To)
		}
	}
	if at.Len() == 0 {
		return ""
	}
	list := func(b *strings.Builder) string {
		return "unnest('[" + strings.TrimSuffix(b.String(), ",") + "]'::BIGINT[])"
	}
	return "SELECT file, unnest(range(begins, ends)) AS row_number FROM (SELECT " +
		list(&at) + " AS file, " + list(&from) + " AS begins, " + list(&to) + " AS ends)"
}

// named are columns as a file names them, NULL where it lacks one, without its constants.
func named(columns []schema.Column, f *File) string {
	var all []string
	for i, c := range columns {
		switch _, constant := f.Constants[c.Name]; {
		case constant:
		case f.Names[i] == "":
			all = append(all, nulls(columns[i:i+1]))
		default:
			all = append(all, "data."+identifier(f.Names[i])+" AS "+identifier(c.Name))
		}
	}
	return strings.Join(all, ", ")
}

func nulls(columns []schema.Column) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = "NULL::" + typeOf(c.Type) + " AS " + identifier(c.Name)
	}
	return strings.Join(all, ", ")
}

// typeOf is the type that DuckDB reads from a Parquet file of ours.
func typeOf(t schema.Type) string {
	switch t.Kind {
	case schema.Boolean:
		return "BOOLEAN"
	case schema.Int32:
		return "INTEGER"
	case schema.Int64:
		return "BIGINT"
	case schema.Double:
		return "DOUBLE"
	case schema.Decimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision, t.Scale)
	case schema.Date:
		return "DATE"
	case schema.Timestamp:
		return "TIMESTAMPTZ"
	case schema.List:
		return typeOf(t.Value()) + "[]"
	default:
		return "VARCHAR"
	}
}

// identifier quotes a name.
func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal is an expression for a text. No character of the text itself is in it,
// so it is one whatever reads it: DuckDB's program looks for the end of a statement
// by simpler rules than its parser.
func literal(s string) string {
	return "decode(from_base64('" + base64.StdEncoding.EncodeToString([]byte(s)) + "'))"
}

// place is a file that COPY writes.
func place(file string) string { return "(" + literal(file) + ")" }

// source is a relation of the rows of a statement. The function query refuses all
// but a single SELECT, by DuckDB's own parser.
func source(sql string) string { return "query(" + literal(sql) + ")" }

// Check refuses what is no text.
func Check(sql string) error {
	switch {
	case !utf8.ValidString(sql):
		return &Error{"the statement is not UTF-8"}
	case strings.ContainsRune(sql, 0):
		return &Error{"the statement has a NUL character"}
	case strings.TrimSpace(sql) == "":
		return &Error{"the statement is empty"}
	}
	return nil
}

// CopyColumns is a statement that writes the names and types of the columns of
// another one to a file: {"v":[["id","BIGINT"],…]}.
func CopyColumns(sql, file string) string {
	return "COPY (SELECT list([column_name, column_type]) AS v FROM (DESCRIBE SELECT * FROM " + source(sql) + ")) TO " + place(file) + " (FORMAT json)"
}

// CountColumns is a query for the number of columns of a statement.
func CountColumns(sql string) string {
	return "SELECT count(*)::VARCHAR FROM (DESCRIBE SELECT * FROM " + source(sql) + ")"
}

// CopyRows is a statement that writes the rows of another one, that has so many
// columns, to a file as they are found: the texts of a row on each line, as in
// {"v":["1",null]}.
func CopyRows(sql string, columns int, file string) string {
	names, texts := make([]string, columns), make([]string, columns)
	for i := range columns {
		names[i] = fmt.Sprintf("c%d", i)
		texts[i] = names[i] + "::VARCHAR"
	}
	return "COPY (SELECT [" + strings.Join(texts, ", ") + "] AS v FROM " + source(sql) + " AS result(" + strings.Join(names, ", ") + ")) TO " + place(file) + " (FORMAT json)"
}

// Export is a statement that writes the rows of another one to a Parquet file.
func Export(sql, file string) string {
	return "COPY (SELECT * FROM " + source(sql) + ") TO " + place(file) + " (FORMAT parquet, COMPRESSION zstd)"
}

// Value is the text of a value as sluice shows it: times in UTC are in RFC 3339.
func Value(text *string, column Column) *string {
	if text == nil || column.Type != "TIMESTAMP WITH TIME ZONE" {
		return text
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999-07", *text)
	if err != nil {
		return text // infinity, or a year that RFC 3339 does not have
	}
	shown := at.UTC().Format(time.RFC3339Nano)
	return &shown
}

// Message is what DuckDB says, without the place in a statement of ours.
func Message(text string) error {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n\nLINE ")
	if text == "" {
		return ErrDied
	}
	if strings.Contains(text, "allowed_paths") || strings.Contains(text, "union_by_name") {
		return errors.New("DuckDB is too old: " + text)
	}
	return &Error{text}
}
