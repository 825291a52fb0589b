// Command gen writes the inputs of the benchmark: synthetic orders, the same
// bytes for the same flags on every machine. See bench/README.md.
package main

import (
	"bufio"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"os"

	"sluice/internal/gen"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var (
		flags  = flag.NewFlagSet("gen", flag.ContinueOnError)
		kind   = flags.String("kind", "shop", "shop: products and customers repeat; distinct: nearly no value does; wide: shop with unknown members; shopify; traps: shop with members whose types are hard to find")
		form   = flags.String("form", "ndjson", "ndjson; or array, on one line")
		mb     = flags.Int64("mb", 64, "size in MB (10^6 bytes), before gzip")
		trap   = flags.String("trap", "", "the one trap to add (default all)")
		orders = flags.Int64("orders", 0, "no more orders than these; 0: no limit")
		seed   = flags.Uint64("seed", 1, "seed of all that is random")
		zip    = flags.Bool("gzip", false, "compress, at gzip's usual level 6")
		output = flags.String("o", "-", "file, or - for standard output")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := gen.Options{Seed: *seed, Bytes: *mb * 1_000_000, Orders: *orders}
	switch *kind {
	case "shop":
		o.Shop, o.Catalogue = true, true
	case "traps":
		o.Shop, o.Catalogue = true, true
		if *form != "ndjson" {
			return fmt.Errorf("traps are NDJSON, not %q", *form)
		}
	case "distinct":
		o.Shop = true
	case "wide":
		o.Shop, o.Catalogue, o.Wide = true, true, true
	case "shopify":
		o.Shape, o.Catalogue = gen.Shopify, true
	default:
		return fmt.Errorf("unknown kind %q", *kind)
	}
	switch *form {
	case "ndjson":
		o.Form = gen.NDJSON
	case "array":
		o.Form = gen.Array
	default:
		return fmt.Errorf("unknown form %q", *form)
	}

	out := os.Stdout
	if *output != "-" {
		f, err := os.Create(*output)
		if err != nil {
			return fmt.Errorf("create output: %w", err)
		}
		out = f
	}
	w := bufio.NewWriterSize(out, 1<<20)
	counts, err := write(w, *zip, func(w io.Writer) (gen.Counts, error) {
		if *kind == "traps" {
			return writeTraps(w, o, *trap)
		}
		return gen.Write(w, o)
	})
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", *output, err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write %s: %w", *output, err)
	}
	fmt.Fprintf(os.Stderr, `{"records":%d,"rows":%d,"bytes":%d}`+"\n", counts.Orders, counts.Products, counts.Bytes)
	return nil
}

func write(w io.Writer, zip bool, document func(io.Writer) (gen.Counts, error)) (gen.Counts, error) {
	if !zip {
		return document(w)
	}
	z := gzip.NewWriter(w)
	counts, err := document(z)
	if err != nil {
		return counts, err
	}
	return counts, z.Close()
}
