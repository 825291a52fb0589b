//go:build goexperiment.jsonv2

package main

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"io"
)

func decode(r io.Reader, array bool, each func(*order) error) error {
	d := jsontext.NewDecoder(r)
	if array {
		if _, err := d.ReadToken(); err != nil {
			return err
		}
	}
	for !array || d.PeekKind() != jsontext.KindEndArray {
		var o order
		if err := json.UnmarshalDecode(d, &o); errors.Is(err, io.EOF) && !array {
			return nil
		} else if err != nil {
			return err
		}
		if err := each(&o); err != nil {
			return err
		}
	}
	return nil
}
