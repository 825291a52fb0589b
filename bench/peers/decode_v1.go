//go:build !goexperiment.jsonv2

package main

import (
	"encoding/json"
	"io"
)

func decode(r io.Reader, array bool, each func(*order) error) error {
	d := json.NewDecoder(r)
	if array {
		if _, err := d.Token(); err != nil {
			return err
		}
	}
	for d.More() {
		var o order
		if err := d.Decode(&o); err != nil {
			return err
		}
		if err := each(&o); err != nil {
			return err
		}
	}
	return nil
}
