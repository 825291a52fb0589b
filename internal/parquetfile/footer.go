package parquetfile

import (
	"maps"
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"sluice/internal/parquettype"
	"sluice/schema"
)

// These are the structures with the same names in the format package, without
// the fields that are never written, and with one that is missing there:
// whether bounds are exact. Until the footer is written, the metadata of each
// chunk is kept encoded: as a structure it takes five times the memory.

type fileMetaData struct {
	Version      int32                              `thrift:"1,required"`
	Schema       thrift.Slice[format.SchemaElement] `thrift:"2,required"`
	NumRows      int64                              `thrift:"3,required"`
	RowGroups    thrift.Slice[rowGroup]             `thrift:"4,required"`
	KeyValues    thrift.Slice[format.KeyValue]      `thrift:"5,optional"`
	CreatedBy    string                             `thrift:"6,optional"`
	ColumnOrders thrift.Slice[format.ColumnOrder]   `thrift:"7,optional"`
}

type rowGroup struct {
	Columns             thrift.Slice[columnChunk] `thrift:"1,required"`
	TotalByteSize       int64                     `thrift:"2,required"`
	NumRows             int64                     `thrift:"3,required"`
	FileOffset          int64                     `thrift:"5,optional"`
	TotalCompressedSize int64                     `thrift:"6,optional"`
	Ordinal             int16                     `thrift:"7,optional,writezero"`
}

type columnChunk struct {
	FileOffset        int64   `thrift:"2,required"` // deprecated: "writers should set it to 0"
	MetaData          encoded `thrift:"3,optional"`
	OffsetIndexOffset int64   `thrift:"4,optional"`
	OffsetIndexLength int32   `thrift:"5,optional"`
	ColumnIndexOffset int64   `thrift:"6,optional"`
	ColumnIndexLength int32   `thrift:"7,optional"`
}

type columnMetaData struct {
	Type                  format.Type                            `thrift:"1,required"`
	Encoding              thrift.Slice[format.Encoding]          `thrift:"2,required"`
	PathInSchema          thrift.Slice[string]                   `thrift:"3,required"`
	Codec                 format.CompressionCodec                `thrift:"4,required"`
	NumValues             int64                                  `thrift:"5,required"`
	TotalUncompressedSize int64                                  `thrift:"6,required"`
	TotalCompressedSize   int64                                  `thrift:"7,required"`
	DataPageOffset        int64                                  `thrift:"9,required"`
	DictionaryPageOffset  int64                                  `thrift:"11,optional"`
	Statistics            statistics                             `thrift:"12,optional,writezero"`
	EncodingStats         thrift.Slice[format.PageEncodingStats] `thrift:"13,optional"`
	BloomFilterOffset     int64                                  `thrift:"14,optional"`
	BloomFilterLength     int32                                  `thrift:"15,optional"`
	SizeStatistics        format.SizeStatistics                  `thrift:"16,optional"`
}

type statistics struct {
	NullCount       int64             `thrift:"3,optional,writezero"`
	DistinctCount   int64             `thrift:"4,optional"`
	MaxValue        []byte            `thrift:"5,optional"`
	MinValue        []byte            `thrift:"6,optional"`
	IsMaxValueExact thrift.Null[bool] `thrift:"7,optional"`
	IsMinValueExact thrift.Null[bool] `thrift:"8,optional"`
}

// setBounds sets the bounds with both flags, or none at all.
func (s *statistics) setBounds(b bounds) {
	s.MinValue, s.MaxValue = b.low, b.high
	s.IsMinValueExact = thrift.Null[bool]{V: b.lowExact, Valid: b.low != nil}
	s.IsMaxValueExact = thrift.Null[bool]{V: b.highExact, Valid: b.high != nil}
}

// encoded is a structure that is already encoded.
type encoded []byte

var _ thrift.Value = encoded(nil)

func (encoded) Type() thrift.Type { return thrift.STRUCT }

func (encoded) EncodeFunc(thrift.EncodeFuncCache) thrift.EncodeFunc {
	return func(w thrift.Writer, v reflect.Value, _ thrift.Flags) error {
		_, err := w.Writer().Write(v.Bytes())
		return err
	}
}

// DecodeFunc completes thrift.Value; the structures here are only written.
func (encoded) DecodeFunc(thrift.DecodeFuncCache) thrift.DecodeFunc { return nil }

func (encoded) NullFunc() thrift.NullFunc { return reflect.Value.IsNil }

func newFileMetaData(s schema.Schema, o Options) fileMetaData {
	root := format.SchemaElement{Name: s.Table, NumChildren: thrift.New(int32(len(s.Columns)))}
	m := fileMetaData{
		// "For maximum compatibility with readers, writers should always
		// populate 1" (spec, FileMetaData).
		Version:   1,
		Schema:    thrift.Slice[format.SchemaElement]{root},
		RowGroups: thrift.Slice[rowGroup]{},
		KeyValues: keyValues(o.KeyValues),
		CreatedBy: o.CreatedBy,
	}
	for _, c := range s.Columns {
		m.Schema = append(m.Schema, parquettype.Elements(c)...)
		m.ColumnOrders = append(m.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	return m
}

func keyValues(kv map[string]string) (all thrift.Slice[format.KeyValue]) {
	for _, key := range slices.Sorted(maps.Keys(kv)) {
		all = append(all, format.KeyValue{Key: text(key), Value: text(kv[key])})
	}
	return all
}

// text is s as a string of thrift, which is UTF-8: with U+FFFD for each byte
// that is not. Names of files and objects can be any bytes.
func text(s string) string { return string([]rune(s)) }

// metaData is the metadata of a chunk of a row group that begins at base.
func (ch *chunk) metaData(base int64) *columnMetaData {
	m := &columnMetaData{
		Type:                  ch.physical,
		Encoding:              plainEncodings,
		PathInSchema:          ch.path,
		Codec:                 ch.codec,
		NumValues:             int64(ch.levels),
		TotalUncompressedSize: int64(ch.uncompressed),
		TotalCompressedSize:   int64(ch.end - ch.start),
		DataPageOffset:        base + int64(ch.data),
		Statistics:            statistics{NullCount: int64(ch.nulls), DistinctCount: int64(ch.distinct)},
		EncodingStats: thrift.Slice[format.PageEncodingStats]{
			{PageType: format.DataPage, Encoding: format.Plain, Count: int32(len(ch.pages))},
		},
		SizeStatistics: format.SizeStatistics{UnencodedByteArrayDataBytes: int64(ch.textBytes)},
	}
	m.Statistics.setBounds(ch.bounds)
	if ch.dictionary {
		m.Encoding = dictionaryEncodings
		m.DictionaryPageOffset = base + int64(ch.start)
		m.EncodingStats = thrift.Slice[format.PageEncodingStats]{
			{PageType: format.DictionaryPage, Encoding: format.Plain, Count: 1},
			{PageType: format.DataPage, Encoding: format.RLEDictionary, Count: int32(len(ch.pages))},
		}
	}
	if ch.bloomEnd > ch.bloom {
		m.BloomFilterOffset = base + int64(ch.bloom)
		m.BloomFilterLength = int32(ch.bloomEnd - ch.bloom)
	}
	return m
}

// The encodings of the pages of a chunk: RLE is for the levels.
var (
	plainEncodings      = thrift.Slice[format.Encoding]{format.Plain, format.RLE}
	dictionaryEncodings = thrift.Slice[format.Encoding]{format.Plain, format.RLE, format.RLEDictionary}
)

func (ch *chunk) offsetIndex(base int64) *format.OffsetIndex {
	x := &format.OffsetIndex{PageLocations: make([]format.PageLocation, len(ch.pages))}
	for i, p := range ch.pages {
		x.PageLocations[i] = format.PageLocation{
			Offset:             base + int64(p.offset),
			CompressedPageSize: int32(p.size),
			FirstRowIndex:      int64(p.firstRow),
		}
		if ch.physical == format.ByteArray {
			x.UnencodedByteArrayDataBytes = append(x.UnencodedByteArrayDataBytes, int64(p.textBytes))
		}
	}
	return x
}
