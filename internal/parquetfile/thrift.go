package parquetfile

import "github.com/parquet-go/parquet-go/encoding/thrift"

// compact is the Thrift protocol that the format uses.
var compact thrift.CompactProtocol

// sink is a byte slice that thrift structures are appended to.
type sink []byte

func (s *sink) Write(p []byte) (int, error) {
	*s = append(*s, p...)
	return len(p), nil
}

// thriftEncoder appends thrift structures, in the compact protocol, to a sink.
type thriftEncoder struct {
	sink
	enc *thrift.Encoder
}

func newThriftEncoder() *thriftEncoder {
	e := &thriftEncoder{}
	e.enc = thrift.NewEncoder(compact.NewWriter(&e.sink))
	return e
}

// append appends v, a pointer to a structure of the format, to dst.
func (e *thriftEncoder) append(dst []byte, v any) ([]byte, error) {
	e.sink = dst
	err := e.enc.Encode(v)
	dst, e.sink = e.sink, nil
	return dst, err
}
